#!/bin/sh
# Install Chromium by the system's package manager, where that is allowed without a question: as one without windows,
# which opens pages in half the time, or else as the usual one. A machine of one's own that has a Chrome is left alone.
# Without Chromium the browser tests are skipped, with their count and this reason in the closing summary.
has_browser() {
  "${PYTHON:-python3}" -c 'import sys; sys.path.insert(0, "book/_ext"); import chromium; sys.exit(not chromium.find_chromium())'
}
install() { DEBIAN_FRONTEND=noninteractive $run apt-get install -y -qq --no-install-recommends "$@" >/dev/null 2>&1; }

if [ -n "$CHROMIUM" ] || command -v chromium-headless-shell >/dev/null; then exit 0; fi
asked=_build/setup/chromium # a system without that package is asked once
if [ -e $asked ] && has_browser; then exit 0; fi
if [ "$(id -u)" = 0 ]; then run=""; elif has_browser; then exit 0; elif sudo -n true 2>/dev/null; then run="sudo -n"; else run="no"; fi
if [ "$run" != no ] && command -v apt-get >/dev/null && $run apt-get update -qq; then
  # Ubuntu's package chromium only starts a snap, which containers and CI machines often lack
  install chromium-headless-shell fonts-dejavu-core || has_browser || install chromium fonts-dejavu-core
fi
if has_browser; then touch $asked 2>/dev/null; exit 0; fi
echo "Chromium is missing: install it (Debian: apt-get install chromium) or set CHROMIUM to the path of a Chrome." >&2
echo "The browser tests will be skipped." >&2
