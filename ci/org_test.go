package ci

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mage-os/nightly/releases/github/fake"
)

// run runs the program with an Enterprise Server's token, and gives its exit code.
func run(t testing.TB, token string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, failed bytes.Buffer
	env := &factory{stdout: &out, stderr: &failed, now: time.Now, environ: os.Environ, getenv: func(name string) string {
		return map[string]string{"GH_ENTERPRISE_TOKEN": token}[name]
	}}
	root := newRoot(env)
	root.SetArgs(args)
	err := root.ExecuteContext(context.Background())
	if err != nil {
		failed.WriteString("mageos-nightly: " + err.Error() + "\n")
	}
	if strings.Contains(out.String()+failed.String(), token) && token != "" {
		t.Errorf("the token is shown")
	}
	return exitCode(err), out.String(), failed.String()
}

// acme serves an organization and writes a first list of it.
func acme(t *testing.T) (o *fake.Organization, list string) {
	t.Helper()
	server := fake.New()
	t.Cleanup(server.Close)
	server.Organization = fake.Acme()
	server.Tokens["a-secret-token"] = map[string]string{}
	list = filepath.Join(t.TempDir(), "list.yaml")
	text := "name: acme\nurl: " + server.Page("") + "\nrepositories: []\n"
	if err := os.WriteFile(list, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return server.Organization, list
}

func TestOrg(t *testing.T) {
	o, list := acme(t)
	const token = "a-secret-token"
	expect := func(what string, wantCode int, wantOut, wantErr string, args ...string) string {
		t.Helper()
		code, stdout, stderr := run(t, token, append(args, "--list", list)...)
		if code != wantCode || !strings.Contains(stdout, wantOut) || !strings.Contains(stderr, wantErr) {
			t.Fatalf("%s: exit code %d, want %d; stdout %.2000s\nstderr %s", what, code, wantCode, stdout, stderr)
		}
		return stdout
	}
	expect("an empty list", 9, "is on GitHub (public), and not in the list", "differences", "org", "plan")
	expect("export", 0, "", "12 people, 6 teams, 100 repositories, read with 20 requests", "org", "export", "--output", list)
	expect("plan after export", 0, "acme: the list and GitHub agree\n", "", "org", "plan")
	expect("configuration", 0, "import {", "", "org", "terraform")

	o.Team("core").Repositories["module-07"] = "ADMIN"
	expect("a change", 9, "\nmodule-07\n  error    team core: maintain in the list, admin on GitHub\n", "1 difference, 1 repository", "org", "plan")
	expect("as Markdown", 9, "| error | `team core` | `maintain` | `admin` |", "", "org", "plan", "--format", "markdown")
	var plan struct {
		Results []struct{ RuleID, Repository, Found string }
	}
	if err := json.Unmarshal([]byte(expect("as JSON", 9, "", "", "org", "plan", "--json")), &plan); err != nil {
		t.Fatal(err)
	}
	if len(plan.Results) != 1 || plan.Results[0].RuleID != "access" || plan.Results[0].Repository != "module-07" {
		t.Errorf("results %+v", plan.Results)
	}
	report := filepath.Join(t.TempDir(), "plan.md")
	expect("to a file", 9, "", "", "org", "plan", "--format", "markdown", "--output", report)
	if data, err := os.ReadFile(report); err != nil || !strings.HasPrefix(string(data), "## acme: 1 difference") {
		t.Errorf("the file holds %s, %v", data, err)
	}

	o.Team("core").Repositories["module-07"] = "MAINTAIN"
	o.Repository("module-07").Hidden = true
	expect("a right is missing", 3, "module-07: collaborators: You do not have permission", "give a token with the rights", "org", "plan")
	expect("export with a right missing", 0, "name: module-07", "not known, left as the list has it: module-07: collaborators", "org", "export")

	o.Rename("module-08", "module-eight")
	expect("renamed", 9, "module-eight\n  error    was module-08 in the list and is renamed", "", "org", "plan")

	for name, bad := range map[string]struct {
		token, want string
		code        int
	}{
		"no token":  {"", "set GITHUB_TOKEN (for an Enterprise Server GH_ENTERPRISE_TOKEN)", 2},
		"bad token": {"wrong", "the token is not valid any more", 3},
	} {
		code, _, stderr := run(t, bad.token, "org", "plan", "--list", list)
		if code != bad.code || !strings.Contains(stderr, bad.want) {
			t.Errorf("%s: exit code %d, %s", name, code, stderr)
		}
	}
}
