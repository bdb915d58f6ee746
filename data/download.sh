#!/usr/bin/env bash
# Fetch a data source:   data/download.sh openi|covid|lungs|mimic|mimic-demo [--dest DIR] [--dry-run]
#
# Run it again to go on where it stopped: finished files are checked and kept, broken ones are continued.
# A PhysioNet password is asked for (user name: PHYSIONET_USER), goes to wget through a pipe, and is never written anywhere.
# TXTRAY_BASE_URL replaces the servers (a mirror, or the tests' own).
set -euo pipefail
set +x # so that "bash -x" does not print the password

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
physionet=${TXTRAY_BASE_URL:-https://physionet.org}/files
openi=${TXTRAY_BASE_URL:-https://openi.nlm.nih.gov}/imgs/collections
github=${TXTRAY_BASE_URL:-https://github.com}/ieee8023/covid-chestxray-dataset/archive/refs/heads
unset user password # a variable that the caller exported would hand the password to every program that is called
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
    local folder=$dest rest=''
    while [[ ! -d $folder ]]; do
        [[ ! -e $folder ]] || die "$folder is not a folder; give another with --dest"
        rest=/$(basename "$folder")$rest
        folder=$(dirname "$folder")
    done
    [[ $rest/ != */../* ]] || die "$dest goes up from a folder that is not there; give it without .."
    folder=$(cd "$folder" && pwd -P) # where links lead
    dest=${folder%/}$rest
    [[ -w $folder ]] || die "$folder cannot be written; give another folder with --dest"
    while [[ ! -e $folder/.git ]]; do
        [[ $folder == / ]] && return
        folder=$(dirname "$folder")
    done
    git -C "$folder" check-ignore --quiet "$dest/probe" && [[ -z $(git -C "$folder" ls-files -- "$dest") ]] ||
        die "git would track files in $dest; choose a folder outside the repository, or one that .gitignore names"
}

ask_login() {
    [[ -n $dry ]] && return
    user=${PHYSIONET_USER:-}
    [[ -n $user ]] || read -rp 'PhysioNet user name: ' user || true
    IFS= read -rsp "PhysioNet password of $user (not shown, not stored): " password || true
    echo
    [[ -n $user && -n $password ]] || die "a PhysioNet user name and password are needed for $source"
}

# by_curl URL FILE: continue FILE; print the HTTP status and the last address. A ~/.curlrc is not read.
by_curl() {
    curl --disable --silent --show-error --fail --location --connect-timeout 30 --speed-time 60 --speed-limit 1000 \
        --continue-at - --output "$2" --write-out '%{http_code} %{url_effective}' "$1"
}

# Write the characters of $1 so that they may stand in an address.
escaped() {
    local LC_ALL=C text=$1 k
    for ((k = 0; k < ${#text}; k++)); do
        case ${text:k:1} in
            [a-zA-Z0-9]) printf %s "${text:k:1}" ;;
            *) printf '%%%02X' "$(($(printf %d "'${text:k:1}") & 255))" ;;
        esac
    done
}

# by_wget URL FILE: the same with the login, which PhysioNet takes from Wget and refuses from curl (physionet-build,
# http_auth_allowed). It follows no redirect, since the login must not go elsewhere. A ~/.wgetrc is not read.
by_wget() {
    local said status=0
    said=$(printf '%s://%s:%s@%s\n' "${1%%://*}" "$(escaped "$user")" "$(escaped "$password")" "${1#*://}" |
        LC_ALL=C wget --no-config --no-netrc --no-hsts --no-verbose --auth-no-challenge --max-redirect=0 --tries=1 \
            --connect-timeout=30 --read-timeout=60 --continue --output-document="$2" --input-file=- 2>&1) || status=$?
    case $status:$said in
        0:*) echo '200 ' ;;
        6:* | *'ERROR 403'* | *'redirections exceeded'*) echo '401 ' ;;
        *'ERROR 404'*) echo '404 ' ;;
        *'conflicts with'*) status=33 ;; # as curl says it
        *) echo "$said" >&2 ;;
    esac
    return "$status"
}

# get URL FILE: continue or start FILE.partial, and name it FILE when it is whole.
get() {
    local url=$1 file=$2 by=by_curl try code status
    [[ -z $password ]] || by=by_wget
    mkdir -p "$(dirname "$file")"
    for try in 1 2 3 4 5; do
        status=0
        code=$($by "$url" "$file.partial") || status=$?
        case $status:$code in
            *:"401 "* | *:"403 "* | 0:*/login*) # with the blank, since a port of the address can begin with 401
                [[ -s $file.partial && $code != */login* ]] || rm -f "$file.partial" # empty, or a login page
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

# fetch URL FILE [SHA256]: get FILE unless it is there with that checksum.
fetch() {
    local url=$1 file=$2 wanted=${3:-}
    [[ -n $dry ]] && echo "would fetch $url -> $file" && return
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
    local url=$physionet/$1 folder=$dest/$2 sums=$dest/$2/SHA256SUMS.txt name wanted=''
    shift 2
    if [[ -n $dry ]]; then
        fetch "$url/SHA256SUMS.txt" "$sums"
    else
        rm -f "$sums.partial" # of another release, perhaps; the list that is there stays until the new one is whole
        get "$url/SHA256SUMS.txt" "$sums"
    fi
    for name in "$@"; do
        [[ -n $dry ]] || wanted=$(awk -v name="$name" '$2 == name || $2 == "*" name { print $1; exit }' "$sums")
        fetch "$url/$name" "$folder/$name" "$wanted"
    done
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

fetch_lungs() {
    echo 'lungs: open access, no login; about 4 GB to fetch, no checksum published: the sets of Montgomery, with masks, and Shenzhen. For masks of Shenzhen, and for JSRT, see data/README.md.'
    command -v unzip > /dev/null || die "unzip is needed for $source"
    fetch "$openi/NLM-MontgomeryCXRSet.zip" "$dest/NLM-MontgomeryCXRSet.zip"
    unpack "$dest/NLM-MontgomeryCXRSet.zip" "$dest/MontgomerySet" unzip -q -o -d ..
    fetch "$openi/ChinaSet_AllFiles.zip" "$dest/ChinaSet_AllFiles.zip"
    unpack "$dest/ChinaSet_AllFiles.zip" "$dest/ChinaSet_AllFiles" unzip -q -o -d ..
    echo "then: export TXTRAY_LUNGS=$dest"
}

hosp=(hosp/patients.csv.gz hosp/admissions.csv.gz hosp/d_labitems.csv.gz hosp/labevents.csv.gz icu/icustays.csv.gz)
ed=(ed/edstays.csv.gz ed/triage.csv.gz)

fetch_mimic_demo() {
    echo 'mimic-demo: open access, ODbL, no login; 15 MB: the record of 100 patients, without films or reports. Checksums are checked.'
    project mimic-iv-demo/2.2 mimic-iv "${hosp[@]}"
    project mimic-iv-ed-demo/2.2 mimic-iv-ed "${ed[@]}"
}

fetch_mimic() {
    local jpg=mimic-cxr-jpg/2.1.0 films=$dest/mimic-cxr-jpg film wanted program
    echo 'mimic: credentialed PhysioNet account, CITI training, and the signed agreement of each of 4 projects; 3 GB of tables and reports, then 570 GB of films (stop at will: what is there can be used). Checksums are checked.'
    for program in wget unzip; do command -v $program > /dev/null || die "$program is needed for $source"; done
    ask_login
    project mimic-cxr/2.1.0 mimic-cxr cxr-record-list.csv.gz cxr-study-list.csv.gz mimic-cxr-reports.zip
    unpack "$dest/mimic-cxr/mimic-cxr-reports.zip" "$dest/mimic-cxr" unzip -q -o
    project $jpg mimic-cxr-jpg mimic-cxr-2.0.0-{metadata,split,chexpert}.csv.gz IMAGE_FILENAMES
    project mimiciv/3.1 mimic-iv "${hosp[@]}"
    project mimic-iv-ed/2.2 mimic-iv-ed "${ed[@]}"
    [[ -n $dry ]] && echo "would fetch the films that IMAGE_FILENAMES lists from $physionet/$jpg/files" && return
    while read -r film wanted; do
        fetch "$physionet/$jpg/$film" "$films/$film" "$wanted"
    done < <(awk 'FILENAME == ARGV[1] { sub(/^\*/, "", $2); sum[$2] = $1; next } { print $1, sum[$1] }' \
        "$films/SHA256SUMS.txt" "$films/IMAGE_FILENAMES") # the list of sums is long: it is read once
}

while [[ $# -gt 0 ]]; do
    case $1 in
        openi | covid | lungs | mimic | mimic-demo)
            [[ -z $source ]] || die "one source at a time: $source or $1"
            source=$1
            ;;
        --dest)
            shift
            dest=${1:-}
            [[ -n $dest && $dest != -* ]] || die "--dest needs a folder"
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
check=". Check it with: python tools/check_tree.py $source --dest $dest"
[[ $source != lungs ]] || check='' # its rejects say what is wrong
[[ -n $dry ]] || echo "done: $dest$check"
