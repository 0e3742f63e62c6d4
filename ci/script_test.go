package ci

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/mage-os/nightly/ci/tools"
	"github.com/mage-os/nightly/pipeline/container"
)

// installTools are what the test installation runs, with the wall that it needs beside secrets.
var installTools = slices.Concat(tools.Install, tools.Sandbox)

// needInstall skips a test that installs beside secrets, where the machine cannot.
func needInstall(t *testing.T) {
	t.Helper()
	if lacking := tools.Missing(installTools); len(lacking) > 0 {
		t.Skipf("no %s: run mageos-nightly test --install-tools", lacking[0].Program)
	}
	if err := container.FindSandbox(t.Context()); err != nil {
		t.Skipf("there is no wall around package code: %v", err)
	}
}

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"mageos-nightly": func() { os.Exit(Main()) },
	})
}

// attackFile is the code of a package that means harm, for the end of a registration.php.
const attackFile = "testdata/attack.php"

// TestScript runs testdata/script: each file reads as a manual page that runs.
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			// Every script has a store of its own.
			env.Setenv("NIGHTLY_STORE", env.WorkDir+"/store")
			env.Setenv("COMPOSER_ALLOW_SUPERUSER", "1")
			// Whether the machine has an engine must not decide what they show.
			env.Setenv("NIGHTLY_RUNNER", "process")
			// For scripts that take all other programs out of the path.
			env.Setenv("HOSTPATH", env.Getenv("PATH"))
			ci, err := exec.LookPath("mageos-nightly")
			env.Setenv("CI", ci)
			attack, e := filepath.Abs(attackFile)
			env.Setenv("ATTACK", attack)
			return errors.Join(err, e)
		},
		Condition: func(cond string) (bool, error) {
			// [install]: the machine has what the test installation needs, and a wall around it.
			return len(tools.Missing(installTools)) == 0 && container.FindSandbox(t.Context()) == nil, nil
		},
	})
}
