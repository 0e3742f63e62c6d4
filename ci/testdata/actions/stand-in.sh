#!/bin/bash
# stand-in.sh ACTION: does what an action does to the files and the outputs of a job.
# ARTIFACTS is the folder of a run's artifacts, CHECKOUT holds what a checkout brings,
# TAKEN gets what an action sends away, and AFTER_UPLOAD is a command of the test.
set -euo pipefail
shopt -s nullglob

fail() { echo "$*"; exit 1; }

case $1 in
actions/setup-go | actions/cache) ;; # this machine has what it has
actions/checkout)
    mkdir -p "./$FILES"
    cp -r "$CHECKOUT/." "./$FILES"
    ;;
actions/upload-artifact)
    to=$ARTIFACTS/$NAME
    [ ! -e "$to" ] || fail "there is an artifact $NAME already"
    files=($FILES)
    found=(${files[@]})
    for i in "${!found[@]}"; do [ -e "${found[i]}" ] || unset "found[i]"; done
    [ ${#found[@]} -gt 0 ] || [ "$IF_NONE" != error ] || fail "artifact $NAME: no files were found in $FILES"
    mkdir -p "$to"
    if [ ${#found[@]} -eq 1 ] && [ -d "${found[0]}" ]; then
        cp -r "${found[0]}/." "$to"
    elif [ ${#found[@]} -eq 1 ]; then
        cp "${found[0]}" "$to"
    elif [ ${#found[@]} -gt 1 ]; then
        cp -r --parents "${found[@]}" "$to"
    fi
    eval "${AFTER_UPLOAD:-}"
    ;;
actions/download-artifact)
    mkdir -p "./$FILES"
    if [ -n "$NAME" ]; then
        cp -r "$ARTIFACTS/$NAME/." "./$FILES" # it is an error if it is not there
    else
        for artifact in "$ARTIFACTS"/$PATTERN; do cp -r "$artifact" "./$FILES"; done
    fi
    ;;
actions/attest)
    [[ $PREDICATE_TYPE == https://* ]] || fail "$PREDICATE_TYPE is no type of predicates"
    ! grep -Evq '^[0-9a-f]{64}  [^ ]+$' "$SUBJECTS" || fail "$SUBJECTS: there is a line that is no checksum"
    [ "$(wc -l < "$SUBJECTS")" -le 1024 ] || fail "$SUBJECTS: more than 1024"
    cp "$PREDICATE" "$TAKEN"
    echo "attested $PREDICATE_TYPE"
    ;;
actions/create-github-app-token)
    [ -n "$APP" ] && [ -n "$KEY" ] || fail "no client-id or no private-key"
    echo token=token-of-app >> "$GITHUB_OUTPUT"
    ;;
github/codeql-action/upload-sarif) cp "$SARIF" "$TAKEN" ;;
*) fail "no test knows the action $1" ;;
esac
