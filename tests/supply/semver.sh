# shellcheck shell=bash source=tests/supply/common.sh
. "$(dirname "$0")/common.sh"
tag="$(git describe --tags --abbrev=0 --match 'v[0-9]*' 2>/dev/null)" ||
  lacks "nothing has been released: no tag v* to compare with; \`tests/semver.sh REVISION\` compares with any"
step bash tests/semver.sh "$tag" || fail "the API has changed by more than the version says since $tag"
says "the version says how much the API has changed since $tag"
