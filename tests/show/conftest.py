"""A browser that opens fragments without network, for the tests of the explorer."""

import os
import shutil

import pytest

from tests.show.small import THEMES

FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)


def missing(what: str) -> None:
    """Skip a browser test, but never in CI, where nobody would see that it did not run."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what}: the browser tests must run in CI")
    pytest.skip(f"{what}: the explorer was not tried in a browser")


@pytest.fixture(scope="module")
def browser():
    # Debian's; what GitHub's runners have
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if not found:
        missing("no chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing("no playwright")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=FLAGS.split())
        yield browser
        browser.close()


@pytest.fixture
def axe():
    try:
        from axe_playwright_python.sync_playwright import Axe
    except ImportError:
        missing("no axe")
    return Axe()


def bare_page(fragment: str, theme: str) -> str:
    colours = f"color-scheme: {theme}; background: {THEMES[theme]}"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Bare</title></head>'
        f'<body style="{colours}"><main><h1>Bare</h1><h2>Browse</h2>'
        f"{fragment}</main></body></html>"
    )


@pytest.fixture
def opened(browser, tmp_path):
    """Open fragments on a bare page without network; what the page complains of, or asks the
    network for, fails."""
    contexts, faults = [], []

    def asked_for(url: str) -> None:
        if url[:5] not in ("file:", "data:"):
            faults.append(url)

    def open_page(*fragments: str, theme: str = "light", width: int = 1200, script: bool = True):
        page = tmp_path / "page.html"
        page.write_text(bare_page("".join(fragments), theme), "utf-8")
        context = browser.new_context(
            offline=True,
            java_script_enabled=script,
            viewport={"width": width, "height": 900},
        )
        contexts.append(context)
        tab = context.new_page()
        tab.set_default_timeout(10_000)
        tab.on("pageerror", lambda error: faults.append(str(error)))
        tab.on("console", lambda message: faults.append(message.text))
        tab.on("request", lambda request: asked_for(request.url))
        tab.goto(page.as_uri())
        return tab

    yield open_page
    for context in contexts:
        context.close()
    assert faults == []
