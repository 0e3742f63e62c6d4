package tools

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// fakeApt is an apt-get that finds a lock held as often as the file locked has
// lines, and installs by making a program.
const fakeApt = `#!/bin/sh
echo "$*" >> said
if [ -s locked ]; then
    sed -i 1d locked
    echo "E: Could not get lock /var/lib/apt/lists/lock. It is held by process 7 (apt-get)"
    exit 100
fi
case "$*" in *update*) exit 0 ;; esac
echo "Waiting for cache lock: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 8 (dpkg)..."
[ -e broken ] && { echo "E: Unable to locate package"; exit 100; }
printf '#!/bin/sh\n' > bin/sometool && chmod +x bin/sometool
`

func TestEnsure(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root installs packages; run as root")
	}
	lockPause = 0
	const (
		update  = "--quiet -o DPkg::Lock::Timeout=600 update\n"
		install = "--quiet -o DPkg::Lock::Timeout=600 install --yes --no-install-recommends some more\n"
	)
	for _, c := range []struct {
		name, locked string
		refused      bool
		broken       bool
		wantSaid     string
		wantErr      string
		wantLog      string
	}{
		{name: "waits for both kinds of lock", locked: "1\n2\n", wantSaid: update + update + update + install,
			wantLog: "installing some, more\napt-get waits up to 10 minutes for the lock /var/lib/apt/lists/lock. It is held by process 7 (apt-get)\n" +
				"apt-get waits up to 10 minutes for the lock /var/lib/dpkg/lock-frontend. It is held by process 8 (dpkg)...\n"},
		{name: "fails for another reason", broken: true, wantSaid: update + install, wantErr: "E: Unable to locate package",
			wantLog: "installing some, more\napt-get waits up to 10 minutes for the lock /var/lib/dpkg/lock-frontend. It is held by process 8 (dpkg)...\n"},
		{name: "is not allowed", refused: true, wantErr: "this machine has no sometool (a test): give --install-tools, or run\n  apt-get update && apt-get install --yes --no-install-recommends some more\nor use Docker"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			t.Chdir(dir)
			write(t, "apt-get", fakeApt)
			write(t, "locked", c.locked)
			write(t, "said", "")
			if c.broken {
				write(t, "broken", "")
			}
			if err := os.Mkdir("bin", 0o755); err != nil {
				t.Fatal(err)
			}
			t.Setenv("PATH", dir+":"+filepath.Join(dir, "bin")+":"+os.Getenv("PATH"))
			var log bytes.Buffer
			err := Installer{Allowed: !c.refused, Log: &log}.Ensure(t.Context(), []Tool{{Program: "sometool", Debian: "some more", For: "a test"}})
			if c.wantErr == "" && (err != nil || Find("sometool") == "") || c.wantErr != "" && (err == nil || !strings.Contains(err.Error(), c.wantErr)) {
				t.Errorf("error: %v, want %q", err, c.wantErr)
			}
			said, err := os.ReadFile("said")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.wantSaid+c.wantLog, string(said)+log.String()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// A tool that is a Go module is built, without apt-get.
func TestEnsureModule(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root installs programs; run as root")
	}
	dir := t.TempDir()
	t.Chdir(dir)
	write(t, "apt-get", "#!/bin/sh\necho apt-get >> said\n")
	write(t, "go", "#!/bin/sh\necho \"go $* to $GOBIN\" >> said\n[ ! -e broken ] || { echo no such version; exit 1; }\n")
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	wanted := []Tool{{Program: "no-such-tool", Module: "example.org/tool@v1.2.3", For: "a test"}}
	err := Installer{Allowed: true, Log: io.Discard}.Ensure(t.Context(), wanted)
	said, readErr := os.ReadFile("said")
	if want := "go install example.org/tool@v1.2.3 to /usr/local/bin\n"; err != nil || readErr != nil || string(said) != want {
		t.Errorf("%v, %v: %q, want %q", err, readErr, said, want)
	}
	write(t, "broken", "")
	if err = (Installer{Allowed: true, Log: io.Discard}).Ensure(t.Context(), wanted); err == nil || !strings.Contains(err.Error(), "no such version") {
		t.Errorf("error: %v", err)
	}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
}
