#!/usr/bin/env bash
# Fetch a data source:   data/download.sh openi|covid|mimic|mimic-demo [--dest DIR] [--dry-run]
#
# Run it again to go on where it stopped: finished files are checked and kept, broken ones are continued.
# A PhysioNet password is asked for (user name: PHYSIONET_USER), goes to curl through a pipe, and is never written anywhere.
# TXTRAY_BASE_URL replaces the servers (a mirror, or the tests' own).
set -euo pipefail
set +x # so that "bash -x" does not print the password

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
physionet=${TXTRAY_BASE_URL:-https://physionet.org}/files
openi=${TXTRAY_BASE_URL:-https://openi.nlm.nih.gov}/imgs/collections
github=${TXTRAY_BASE_URL:-https://github.com}/ieee8023/covid-chestxray-dataset/archive/refs/heads
user='' password='' dry='' dest='' source=''

die() {
    echo "download.sh: $*" >&2
    exit 1
}

usage() {
    sed -n '2,6s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
}

# Refuse a folder whose files git would add.
check_dest() {
    local folder=$dest
    while [[ ! -d $folder ]]; do folder=$(dirname "$folder"); done
    [[ -w $folder ]] || die "$folder cannot be written; give another folder with --dest"
    while [[ ! -e $folder/.git ]]; do
        [[ $folder == / ]] && return
        folder=$(dirname "$folder")
    done
    git -C "$folder" check-ignore --quiet "$dest/probe" ||
        die "git would track files in $dest; choose a folder outside the repository, or one that .gitignore names"
}

ask_login() {
    [[ -n $dry ]] && return
    user=${PHYSIONET_USER:-}
    [[ -n $user ]] || read -rp 'PhysioNet user name: ' user || true
    read -rsp "PhysioNet password of $user (not shown, not stored): " password || true
    echo
    [[ -n $user && -n $password ]] || die "a PhysioNet user name and password are needed for $source"
}

login() {
    local secret=${password//\\/\\\\}
    [[ -z $password ]] || printf 'user = "%s:%s"\n' "$user" "${secret//\"/\\\"}"
}

# get URL FILE: continue or start FILE.partial, and name it FILE when it is whole.
get() {
    local url=$1 file=$2 try code status
    mkdir -p "$(dirname "$file")"
    for try in 1 2 3 4 5; do
        status=0
        code=$(login | curl --config - --silent --show-error --fail --location --connect-timeout 30 --speed-time 60 \
            --speed-limit 1000 --continue-at - --output "$file.partial" --write-out '%{http_code} %{url_effective}' "$url") || status=$?
        case $status:$code in
            *:"401 "* | *:"403 "* | 0:*/login*) # with the blank, since a port of the address can begin with 401
                [[ $code != */login* ]] || rm -f "$file.partial" # a login page came instead of the file
                die "$url: the login was refused. Check user name and password, and sign the agreement of that project" ;;
            0:*) mv "$file.partial" "$file" && return ;;
            *:"404 "*) die "$url: is not there (HTTP 404). The source has moved: see data/README.md" ;;
            *:"416 "*) [[ -s $file.partial ]] && mv "$file.partial" "$file" && return ;; # it was whole already
            33:*) rm -f "$file.partial" ;; # this server cannot continue a file
        esac
        echo "try $try of 5 broke off: $url" >&2
        sleep 1
    done
    die "$url: gave up after 5 tries; run the same command again to go on"
}

sha256() {
    if command -v sha256sum > /dev/null; then sha256sum "$1"; else shasum -a 256 "$1"; fi | cut -d ' ' -f 1
}

# fetch URL FILE [SUMS NAME]: get FILE unless it is there; its checksum is that of NAME in the file SUMS.
fetch() {
    local url=$1 file=$2 sums=${3:-} name=${4:-} wanted=''
    [[ -n $dry ]] && echo "would fetch $url -> $file" && return
    [[ -z $sums ]] || wanted=$(awk -v name="$name" '$2 == name || $2 == "*" name { print $1; exit }' "$sums")
    if [[ -f $file ]]; then
        [[ -z $wanted || $(sha256 "$file") == "$wanted" ]] && echo "have $file" && return
        echo "wrong checksum, fetched again: $file" >&2
        rm "$file"
    fi
    get "$url" "$file"
    if [[ -n $wanted && $(sha256 "$file") != "$wanted" ]]; then
        rm "$file" # a partial file of another release, perhaps: once more from the start
        get "$url" "$file"
        [[ $(sha256 "$file") == "$wanted" ]] || { rm "$file" && die "$url: its SHA-256 is not the published one; not kept"; }
    fi
    echo "got $file${wanted:+ (checksum right)}"
}

# project NAME/VERSION FOLDER FILE...: files of a PhysioNet project, checked against its SHA256SUMS.txt.
project() {
    local url=$physionet/$1 folder=$dest/$2 name
    shift 2
    [[ -n $dry ]] || rm -f "$folder/SHA256SUMS.txt"
    fetch "$url/SHA256SUMS.txt" "$folder/SHA256SUMS.txt"
    for name in "$@"; do fetch "$url/$name" "$folder/$name" "$folder/SHA256SUMS.txt" "$name"; done
}

# unpack ARCHIVE FOLDER COMMAND...: once; COMMAND is run in FOLDER with the archive as its last argument.
unpack() {
    local archive=$1 folder=$2
    shift 2
    [[ -n $dry ]] && echo "would unpack $archive into $folder" && return
    [[ $folder/.unpacked -nt $archive ]] && return
    mkdir -p "$folder"
    (cd "$folder" && "$@" "$archive") || die "$archive cannot be unpacked; delete it and run this again"
    touch "$folder/.unpacked"
}

fetch_openi() {
    echo 'openi: open access, CC BY-NC-ND 4.0, no login; 1.3 GB to fetch, no checksum published. Reports come with torchxrayvision.'
    fetch "$openi/NLMCXR_png.tgz" "$dest/NLMCXR_png.tgz"
    unpack "$dest/NLMCXR_png.tgz" "$dest/png" tar --extract --gzip --file
    [[ -n $dry ]] || rm -f "$dest/images.txt" # the list of films is made again
}

fetch_covid() {
    echo 'covid: open access, a licence for each image (metadata.csv), no login; 1 GB to fetch, no checksum published.'
    fetch "$github/master.tar.gz" "$dest/master.tar.gz"
    unpack "$dest/master.tar.gz" "$dest" tar --extract --gzip --strip-components 1 --file
    echo "then: export TXTRAY_COVID=$dest"
}

hosp=(hosp/patients.csv.gz hosp/admissions.csv.gz hosp/d_labitems.csv.gz hosp/labevents.csv.gz icu/icustays.csv.gz)
ed=(ed/edstays.csv.gz ed/triage.csv.gz)

fetch_mimic_demo() {
    echo 'mimic-demo: open access, ODbL, no login; 15 MB: the record of 100 patients, without films or reports. Checksums are checked.'
    project mimic-iv-demo/2.2 mimic-iv "${hosp[@]}"
    project mimic-iv-ed-demo/2.2 mimic-iv-ed "${ed[@]}"
}

fetch_mimic() {
    local jpg=mimic-cxr-jpg/2.1.0 film
    echo 'mimic: credentialed PhysioNet account, CITI training, and the signed agreement of each of 4 projects; 3 GB of tables and reports, then 570 GB of films (stop at will: what is there can be used). Checksums are checked.'
    ask_login
    project mimic-cxr/2.1.0 mimic-cxr cxr-record-list.csv.gz cxr-study-list.csv.gz mimic-cxr-reports.zip
    unpack "$dest/mimic-cxr/mimic-cxr-reports.zip" "$dest/mimic-cxr" unzip -q -o
    project $jpg mimic-cxr-jpg mimic-cxr-2.0.0-{metadata,split,chexpert}.csv.gz IMAGE_FILENAMES
    project mimiciv/3.1 mimic-iv "${hosp[@]}"
    project mimic-iv-ed/2.2 mimic-iv-ed "${ed[@]}"
    [[ -n $dry ]] && echo "would fetch the films that IMAGE_FILENAMES lists from $physionet/$jpg/files" && return
    while read -r film; do
        fetch "$physionet/$jpg/$film" "$dest/mimic-cxr-jpg/$film" "$dest/mimic-cxr-jpg/SHA256SUMS.txt" "$film"
    done < "$dest/mimic-cxr-jpg/IMAGE_FILENAMES"
}

while [[ $# -gt 0 ]]; do
    case $1 in
        openi | covid | mimic | mimic-demo) source=$1 ;;
        --dest)
            shift
            dest=${1:-}
            [[ -n $dest ]] || die "--dest needs a folder"
            ;;
        --dry-run) dry=1 ;;
        -h | --help) usage && exit ;;
        *) usage >&2 && die "unknown argument $1" ;;
    esac
    shift
done
[[ -n $source ]] || { usage >&2 && die "say which source"; }
dest=${dest:-${TXTRAY_DATA:-$here}/$source}
[[ $dest == /* ]] || dest=$PWD/$dest
command -v curl > /dev/null || die "curl is needed"
check_dest
"fetch_${source//-/_}"
[[ -n $dry ]] || echo "done: $dest. Check it with: python -m txtray_utils.check_tree $source --dest $dest"
