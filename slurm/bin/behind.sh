# behind NAME prints the program NAME that follows this folder's on the PATH; nothing if there is none.
behind() {
    own=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
    old_ifs=$IFS
    IFS=:
    for folder in $PATH; do
        if [ "$folder" != "$own" ] && [ -x "$folder/$1" ]; then
            printf '%s\n' "$folder/$1"
            break
        fi
    done
    IFS=$old_ifs
}
