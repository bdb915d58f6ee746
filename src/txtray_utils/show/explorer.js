(() => {
  for (const root of document.querySelectorAll("#NAME:not([data-ready])")) {
    const pick = root.querySelector("select"), said = root.querySelector(".status");
    const studies = root.querySelectorAll("article"), many = studies.length;
    const show = (at) => {
      pick.selectedIndex = at;
      studies.forEach((study, number) => { study.hidden = number !== at; });
      said.textContent = `${pick.options[at].text} (${at + 1} of ${many})`;
    };
    for (const button of root.querySelectorAll("button"))
      button.addEventListener("click", () => show((pick.selectedIndex + Number(button.value) + many) % many));
    pick.addEventListener("change", () => show(pick.selectedIndex));
    root.querySelector(".bar").hidden = false;
    root.querySelector(".studies").classList.add("ready");
    root.dataset.ready = "yes";
    show(0);
  }
})();
