#!/usr/bin/env bash
# Fetch a data source:   data/download.sh openi|covid|lungs|mimic|mimic-demo [--dest DIR] [--dry-run]
#
# Run it again to go on where it stopped: finished files are checked and kept, broken ones are continued.
# A PhysioNet password is asked for (user name: PHYSIONET_USER), goes to wget through a pipe, and is never written anywhere.
# TXTRAY_BASE_URL replaces the servers (a mirror, or the tests' own).
set -euo pipefail
set +x     # so that "bash -x" does not print the password
umask 077  # what is fetched is for this user alone

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
case ${TXTRAY_BASE_URL:-} in
    *@* | *[[:space:]]* | *\?*) echo 'download.sh: TXTRAY_BASE_URL holds a login, a blank or a question mark; give https://HOST alone' >&2 && exit 1 ;;
esac
physionet=${TXTRAY_BASE_URL:-https://physionet.org}/files
openi=${TXTRAY_BASE_URL:-https://openi.nlm.nih.gov}/imgs/collections
github=${TXTRAY_BASE_URL:-https://github.com}/ieee8023/covid-chestxray-dataset/archive/refs/heads
unset user password # a variable that the caller exported would hand the password to every program that is called
user='' password='' dry='' dest='' source='' tree=''
work_tree=${GIT_WORK_TREE:-}
unset "${!GIT_@}" # git is asked about the folders, not about what the caller set

die() {
    echo "download.sh: $*" >&2
    exit 1
}

usage() {
    sed -n '2,6s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
}

# is_repository FOLDER: does it look like one of git's, as HEAD, objects and refs tell?
is_repository() {
    [[ -e $1/HEAD && -d $1/objects && -d $1/refs ]]
}

# Refuse a folder whose files git would add.
check_dest() {
    local folder=$dest rest='' above hidden
    while [[ ! -d $folder ]]; do
        [[ ! -e $folder && ! -L $folder ]] || die "$folder is not a folder; give another with --dest"
        rest=/$(basename "$folder")$rest
        folder=$(dirname "$folder")
    done
    [[ $rest/ != */../* ]] || die "$dest goes up from a folder that is not there; give it without .."
    folder=$(cd "$folder" && pwd -P) # where links lead
    dest=${folder%/}$rest
    [[ -w $folder ]] || die "$folder cannot be written; give another folder with --dest"
    [[ -z $work_tree || $dest/ != "$(cd "$work_tree" && pwd -P)"/* ]] ||
        die "$dest lies in GIT_WORK_TREE, and git would track files in it; choose another folder"
    above=$folder
    while :; do
        ! is_repository "$above" || die "$dest lies in the git repository $above; choose another folder"
        for hidden in "$above"/.[!.]*; do
            [[ ${hidden##*/} == .git ]] || ! is_repository "$hidden" ||
                die "git would track files in $dest, by the repository $hidden; choose another folder"
        done
        [[ ! -e $above/.git ]] || break
        [[ $above != / ]] || return 0
        above=$(dirname "$above")
    done
    tree=$above
    [[ $source != mimic ]] ||
        die "$dest lies in the git work tree $tree, and mimic is credentialed; set TXTRAY_DATA (or --dest) to a folder outside"
    [[ -z $(git -C "$tree" ls-files -- "$dest") ]] ||
        die "git would track files in $dest: it does so already; choose a folder outside the repository"
    check_target "$dest/probe"
}

# check_target FILE: refuse a file that git would add.
check_target() {
    [[ -z $tree ]] || git -C "$tree" check-ignore --quiet -- "$1" ||
        die "git would track files in $dest (${1#"$dest"/}); choose a folder outside the repository, or one that .gitignore names"
}

# check_inside FILE FOLDER: refuse a name from a server's list that would lie elsewhere, also by a link.
check_inside() {
    local folder
    case /$1/ in
        */../* | *//* | */./* | *[[:cntrl:]]*) die "the server's list names $(printf %q "$1"), which would lie outside $2" ;;
    esac
    folder=$(dirname "$2/$1")
    while [[ ! -d $folder ]]; do folder=$(dirname "$folder"); done
    folder=$(cd "$folder" && pwd -P)
    [[ $folder/ == "$dest"/* || $dest/ == "$folder"/* ]] ||
        die "$2/$1 leads to $folder, outside $dest: take that link away"
    [[ ! -L $2/$1 ]] || die "$2/$1 is a link; take it away"
    [[ ! -e $2/$1 || -f $2/$1 ]] || die "$2/$1 is not a plain file; take it away"
}

# Send a password by https alone; on this machine's own servers, as in the tests, nobody listens.
check_secret() {
    case $physionet in
        https://*) ;;
        http://127.0.0.1[:/]* | http://localhost[:/]*) ;;
        *) die "a password is sent by https alone; give TXTRAY_BASE_URL as https://HOST" ;;
    esac
}

ask_login() {
    check_secret
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
        *) sed 's|//[^/[:space:]]*@|//|g' <<< "$said" >&2 ;; # without the login
    esac
    return "$status"
}

# get URL FILE: continue or start FILE.partial, and name it FILE when it is whole.
get() {
    local url=$1 file=$2 by=by_curl try code status
    [[ -z $password ]] || by=by_wget
    mkdir -p "$(dirname "$file")"
    [[ ! -L $file.partial ]] || die "$file.partial is a link; take it away"
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
    check_target "$file"
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

# check_sums FILE: refuse a list that holds anything but checksums, such as a page that says "not found".
check_sums() {
    [[ -s $1 ]] && ! grep -qvE '^[0-9a-f]{64} [ *]?[^[:space:]].*$|^$' "$1" && return
    rm -f "$1"
    die "the list of checksums, SHA256SUMS.txt, is empty or something else, a web page perhaps; nothing of it is used"
}

# sum_of NAME LIST: print the checksum of a file.
sum_of() {
    local sum
    sum=$(awk -v name="$1" '$2 == name || $2 == "*" name { print $1; exit }' "$2")
    [[ -n $sum ]] || die "$1 has no checksum in SHA256SUMS.txt, so it cannot be checked; it is not fetched"
    echo "$sum"
}

# project NAME/VERSION FOLDER FILE...: files of a PhysioNet project, checked against its SHA256SUMS.txt.
project() {
    local url=$physionet/$1 folder=$dest/$2 sums=$dest/$2/SHA256SUMS.txt name wanted=''
    if [[ -n $dry ]]; then
        fetch "$url/SHA256SUMS.txt" "$sums"
    else
        rm -f "$sums.partial" "$sums.new" "$sums.new.partial" # of another release, perhaps; the list that is there stays until the new one is whole
        check_target "$sums"
        check_inside "$2/SHA256SUMS.txt" "$dest"
        get "$url/SHA256SUMS.txt" "$sums.new"
        check_sums "$sums.new"
        mv "$sums.new" "$sums"
    fi
    shift 2
    for name in "$@"; do
        check_inside "$name" "$folder"
        [[ -n $dry ]] || wanted=$(sum_of "$name" "$sums")
        fetch "$url/$name" "$folder/$name" "$wanted"
    done
}

# names ARCHIVE: list what it holds.
names() {
    case $1 in
        *.zip) unzip -Z1 "$1" ;;
        *) tar --list --gzip --file "$1" ;;
    esac
}

# unpack ARCHIVE FOLDER COMMAND...: once, as plain files that are this user's; COMMAND is run in an empty folder
# with the archive as its last argument, and what it leaves goes into FOLDER.
unpack() {
    local archive=$1 folder=$2 new=$2/.unpacking odd
    shift 2
    [[ -n $dry ]] && echo "would unpack $archive into $folder" && return
    [[ $folder/.unpacked -nt $archive ]] && return
    check_target "$folder/probe"
    odd=$(names "$archive" | grep -E '(^|/)\.\.(/|$)|^/' | head -n 1) || true
    [[ -z $odd ]] || die "$archive names $(printf %q "$odd"), outside the folder; nothing of it is unpacked"
    rm -rf "$new"
    mkdir -p "$new"
    (cd "$new" && "$@" "$archive") || { rm -rf "$new" && die "$archive cannot be unpacked; delete it and run this again"; }
    chmod -R u+rwX "$new"
    odd=$(find "$new" ! -type f ! -type d | wc -l)
    [[ $odd -eq 0 ]] || echo "$archive: $((odd)) entries that are neither file nor folder are left out" >&2
    find "$new" ! -type f ! -type d -exec rm -f {} +
    find "$new" -type d -exec chmod 700 {} +
    find "$new" -type f -exec chmod 600 {} +
    check_unpacked "$new" "$folder"
    (cd "$new" && tar --create --file - .) | (cd "$folder" && tar --extract --no-same-owner --file -)
    rm -rf "$new"
    touch "$folder/.unpacked"
}

# unzip_top FOLDER ARCHIVE: what the archive has below FOLDER, without that name.
unzip_top() {
    unzip -q -o "$2"
    find "$1" -mindepth 1 -maxdepth 1 -exec mv -f {} . \;
    rmdir "$1"
}

# check_unpacked NEW FOLDER: ask git about every file that would come into FOLDER.
check_unpacked() {
    local all ignored
    [[ -n $tree ]] || return 0
    all=$(cd "$1" && find . -type f | wc -l)
    ignored=$(cd "$1" && find . -type f | FOLDER=$2 awk '{ print ENVIRON["FOLDER"] substr($0, 2) }' |
        git -C "$tree" check-ignore --stdin | wc -l) || true
    [[ $((all)) -eq $((ignored)) ]] && return
    rm -rf "$1"
    die "git would track files in $2: $((all - ignored)) of the archive; choose a folder outside the repository"
}

fetch_openi() {
    echo 'openi: open access, CC BY-NC-ND 4.0, no login; 1.3 GB to fetch, no checksum published. Reports come with torchxrayvision.'
    fetch "$openi/NLMCXR_png.tgz" "$dest/NLMCXR_png.tgz"
    unpack "$dest/NLMCXR_png.tgz" "$dest/png" tar --extract --gzip --no-same-owner --file
    [[ -n $dry ]] || rm -f "$dest/images.txt" # the list of films is made again
}

fetch_covid() {
    echo 'covid: open access, a licence for each image (metadata.csv), no login; 1 GB to fetch, no checksum published.'
    fetch "$github/master.tar.gz" "$dest/master.tar.gz"
    unpack "$dest/master.tar.gz" "$dest" tar --extract --gzip --no-same-owner --strip-components 1 --file
    echo "then: export TXTRAY_COVID=$dest"
}

fetch_lungs() {
    echo 'lungs: open access, no login; about 4 GB to fetch, no checksum published: the sets of Montgomery, with masks, and Shenzhen. For masks of Shenzhen, and for JSRT, see data/README.md.'
    command -v unzip > /dev/null || die "unzip is needed for $source"
    fetch "$openi/NLM-MontgomeryCXRSet.zip" "$dest/NLM-MontgomeryCXRSet.zip"
    unpack "$dest/NLM-MontgomeryCXRSet.zip" "$dest/MontgomerySet" unzip_top MontgomerySet
    fetch "$openi/ChinaSet_AllFiles.zip" "$dest/ChinaSet_AllFiles.zip"
    unpack "$dest/ChinaSet_AllFiles.zip" "$dest/ChinaSet_AllFiles" unzip_top ChinaSet_AllFiles
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
        check_inside "$film" "$films"
        [[ $wanted =~ ^[0-9a-f]{64}$ ]] || die "$film has no checksum in SHA256SUMS.txt, so it cannot be checked; it is not fetched"
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
