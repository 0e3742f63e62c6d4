package install

import (
	"io"
	"strings"
	"testing"
)

// TestOutputWithoutSynopsis: of a console command that failed, the line that repeats how
// it is called is not shown; all else is.
func TestOutputWithoutSynopsis(t *testing.T) {
	const failure = "In ConnectionFactory.php line 12:\n\n  SQLSTATE[HY000] [2002] Connection refused  [x]"
	for name, test := range map[string]struct{ output, want string }{
		"of bin/magento":        {failure + "\n\n\nsetup:install [--backend-frontname BACKEND-FRONTNAME] [--key [KEY]] [--] [<file>...]\n\n", failure},
		"of Composer":           {failure + "\n\ncreate-project [-s|--stability STABILITY] [--] [<package> [<directory>]]\n", failure},
		"an option's own error": {failure + "\n", failure},
		"a list":                {"packages [a] and [b]", "packages [a] and [b]"},
		"not at the end":        {"setup:install [--key KEY]\n" + failure, "setup:install [--key KEY]\n" + failure},
	} {
		t.Run(name, func(t *testing.T) {
			o := &output{log: io.Discard, line: func(string) {}}
			if _, err := io.WriteString(o, test.output); err != nil {
				t.Fatal(err)
			}
			o.end()
			if got := o.last(); got != test.want {
				t.Errorf("%s; want %s", got, strings.TrimSpace(test.want))
			}
		})
	}
}
