package ci

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A night that another organization builds again, offers what it has signed, and who published the night collects that.
func TestRebuildWorkflows(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	trust, keys, rebuilder := filepath.Join(n.checkout, "trust", "acme"), filepath.Join(n.dir, "keys"), filepath.Join(n.dir, "rebuilder")
	n.runs("trust", "init", trust, "--line", n.line, "--keys", keys)
	n.runs("trust", "init", rebuilder, "--line", n.line, "--keys", rebuilder, "--root-keys", "1", "--threshold", "1")
	public, err := exec.Command("openssl", "pkey", "-in", filepath.Join(rebuilder, "root-1.key"), "-pubout").Output()
	if err != nil {
		t.Skipf("openssl is missing, or cannot do this: %v", err)
	}
	n.brings("trust/acme/rebuilders/ann.pub", string(public))
	n.runs("nightly", "--line", n.line, "--to", n.target, "--store", filepath.Join(n.dir, "store"), "--runner", "process",
		"--trust", trust, "--sign-key", filepath.Join(keys, "nights.key"), "--sign-key", filepath.Join(keys, "timestamp.key"))

	_, url, _ := strings.Cut(n.text, "\nurl: ")
	url, _, _ = strings.Cut(url, "\n")
	offered := filepath.Join(n.dir, "offered.jsonl")
	n.tool("gh", `echo "gh $*, $GH_REPO"
case "$1 $2" in
"release view") [ -e `+n.dir+`/released ] ;;
"release create") touch `+n.dir+`/released ;;
"release upload") cp "$4" `+offered+` ;;
esac`)
	expectJobs(t, n.workflow("rebuild.yml", "schedule", nil), map[string]string{"rebuild": "skipped", "offer": "skipped"}) // nobody has said what
	n.vars["REBUILD_URL"], n.secrets["REBUILDER_KEY"] = url, filepath.Join(rebuilder, "root-1.key")
	for i, want := range []string{"gh release create rebuilt", "gh release upload rebuilt rebuilt.intoto.jsonl --clobber"} {
		jobs := n.workflow("rebuild.yml", "schedule", nil)
		expectJobs(t, jobs, map[string]string{"rebuild": "success", "offer": "success"})
		if said := jobs["offer"].said; !strings.Contains(said, want) || i > 0 && strings.Contains(said, "gh release create") {
			t.Errorf("run %d: want %q:\n%s", i, want, said)
		}
	}

	line := map[string]any{"line": "acme"}
	expectJobs(t, n.workflow("rebuilt.yml", "workflow_dispatch", line), map[string]string{"rebuilt": "success"}) // nobody is asked
	page := func() string {
		data, err := os.ReadFile(filepath.Join(n.target, "index.html"))
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	if !strings.Contains(page(), "rebuilt by 0 of 1") {
		t.Fatal("the page does not tell that nobody has built it again")
	}
	all := filepath.Join(n.dir, "all.keys")
	if out, err := exec.Command("sh", "-c", "cat "+keys+"/nights.key "+keys+"/timestamp.key > "+all).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	n.secrets["NIGHTLY_SIGN_KEY"], n.vars["NIGHTLY_REBUILT"] = all, filepath.Join(n.dir, "nowhere.jsonl")+" "+offered
	jobs := n.workflow("rebuilt.yml", "workflow_dispatch", line)
	expectJobs(t, jobs, map[string]string{"rebuilt": "failure"}) // of the one that cannot be had
	if !strings.Contains(page(), "rebuilt by 1 of 1") {
		t.Errorf("the page does not tell who has built it again:\n%s", jobs["rebuilt"].said)
	}
	n.runs("verify", n.target, "--root", filepath.Join(trust, "1.root.json"), "--rebuilders", filepath.Join(trust, "rebuilders"), "--threshold", "1")
}
