package composer

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"
)

// TestLoadable asks Composer itself, where the machine has it, whether it would load each.
func TestLoadable(t *testing.T) {
	const good = `{"name":"a/b","version":"1.0","type":"library"`
	cases := []struct{ json, want string }{
		{good + `}`, ""},
		{good + `,"require":{"a/c":"^1.0","php":">=8.1"},"replace":{"a/d":"self.version"},"suggest":{"a/c":"~>1"}}`, ""},
		{good + `,"bin":["a","b"],"keywords":["x",1],"archive":{"exclude":[]},"autoload":null,"time":null,"extra":[]}`, ""},
		{good + `,"require":{"a/c":"~>1.4.0"}}`, `require a/c: constraint "~>1.4.0"`},
		{good + `,"require-dev":{"a/c":"1.0 ||x y"},"conflict":{"a/d":""}}`, `conflict a/d: constraint ""`},
		{good + `,"replace":{"a/c":"latest"},"provide":{"a/d":"1.0.0.0.0"}}`, "provide a/d: "},
		{good + `,"require":{"7":"*"}}`, "require 7: a number"},
		{`{"name":"a/b","version":"one"}`, `version "one"`},
		{`{"version":"1.0"}`, "package name"},
		{`{"name":"a/b","version":"dev-a b","replace":{"a/c":"self.version"}}`, "replace a/c: "},
		{`{"name":"a/b","version":"1.x-dev","extra":{"branch-alias":{"dev-main":1}}}`, "branch-alias"},
		{good + `,"extra":{"branch-alias":{"dev-main":1}}}`, ""},
		{good + `,"bin":7}`, `"bin" is not text or a list of text`},
		{good + `,"bin":["a",null]}`, `"bin"`},
		{good + `,"autoload":"src"}`, `"autoload"`},
		{good + `,"autoload-dev":true}`, `"autoload-dev"`},
		{good + `,"include-path":"."}`, `"include-path"`},
		{good + `,"support":"a@b.c"}`, `"support"`},
		{good + `,"target-dir":[]}`, `"target-dir"`},
		{good + `,"time":20240101}`, `"time"`},
		{good + `,"keywords":[["x"]]}`, `"keywords"`},
		{good + `,"archive":{"name":1}}`, `"archive"`},
		{good + `,"archive":{"exclude":"/x"}}`, `"archive"`},
	}
	var asked []string
	for _, c := range cases {
		err := parse(t, c.json).Loadable()
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s:\n  %v\n  want %q", c.json, err, c.want)
		}
		asked = append(asked, c.json)
	}
	for i, answer := range loadedByComposer(t, asked) {
		if (answer == "") != (cases[i].want == "") {
			t.Errorf("%s: Composer says %q", asked[i], answer)
		}
	}
}

// loadedByComposer says of each version in metadata why Composer would not load it, "" if it would. It skips
// the test where Composer is missing.
func loadedByComposer(t *testing.T, versions []string) []string {
	t.Helper()
	php, err := exec.LookPath("php")
	if err != nil {
		t.Skip("needs php: ", err)
	}
	if out, err := exec.Command(php, "-r", "require 'Composer/autoload.php';").CombinedOutput(); err != nil {
		t.Skipf("needs Composer's classes on PHP's include path: %v: %s", err, out)
	}
	command := exec.Command(php, "testdata/load.php")
	command.Stdin = strings.NewReader(strings.Join(versions, "\n") + "\n")
	var stderr bytes.Buffer
	command.Stderr = &stderr
	out, err := command.Output()
	answers := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	if err != nil || len(answers) != len(versions) {
		t.Fatalf("php testdata/load.php: %v, %d answers to %d questions: %s", err, len(answers), len(versions), stderr.String())
	}
	return answers
}
