package check

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

// broken is a module whose packages fail each in a way of its own.
const broken = `
-- go.mod --
module example.org/broken
go 1.26
-- fails/a_test.go --
package fails
import "testing"
func TestGood(t *testing.T) {}
func TestBad(t *testing.T) { t.Error("for this reason") }
func TestSkipped(t *testing.T) { t.Skip("no tool") }
-- sleeps/a_test.go --
package sleeps
import ("testing"; "time")
func TestSleep(t *testing.T) { t.Run("long", func(*testing.T) { time.Sleep(time.Hour) }) }
-- panics/a_test.go --
package panics
import "testing"
func TestPanic(t *testing.T) { panic("boom") }
-- starts/a_test.go --
package starts
import ("testing"; "os")
func TestMain(m *testing.M) { os.Exit(3) }
-- builds/a_test.go --
package builds
import "testing"
func TestNothing(t *testing.T) { undefined() }
-- killed/a_test.go --
package killed
import ("testing"; "syscall")
func TestKilled(t *testing.T) { syscall.Kill(syscall.Getpid(), syscall.SIGKILL); select {} }
`

// goTest counts by its name whatever fails, also what go test gives no test for.
func TestGoTest(t *testing.T) {
	dir := t.TempDir()
	if err := txtar.Write(txtar.Parse([]byte(broken)), dir); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	var out bytes.Buffer
	r := &run{Options: Options{Timeout: 2 * time.Second, Stdout: &out, Stderr: io.Discard}}
	r.goTest(t.Context(), nil, "-p=1", "./...")
	r.goTest(t.Context(), []string{"GOFLAGS=-no-such-flag"}, "./...")
	if err := r.tally.end(&out); err == nil {
		t.Error("no error")
	}
	want := `
Skipped, and why:
  TestSkipped of example.org/broken/fails: a_test.go:5: no tool

Failed:
  example.org/broken/builds: does not build
  example.org/broken/fails TestBad
  example.org/broken/killed: signal: killed, in TestKilled
  example.org/broken/panics TestPanic
  example.org/broken/sleeps: panic: test timed out after 2s, in TestSleep, TestSleep/long
  example.org/broken/starts: failed outside its tests
  go test -json -vet=off -timeout=2s ./...: exit status 1

1 passed, 7 failed, 1 skipped
`
	said := out.String()
	if got := said[max(0, strings.Index(said, "\nSkipped, and why:")):]; got != want {
		t.Errorf("the end (-want +got):\n%s", cmp.Diff(want, got))
	}
	for _, want := range []string{"undefined: undefined", "for this reason", "panic: boom", "time.Sleep("} {
		if !strings.Contains(said, want) {
			t.Errorf("it does not show %q:\n%s", want, said)
		}
	}
}

// go test that ends in the middle leaves packages whose tests did not end.
func TestReadEventsCutOff(t *testing.T) {
	var out bytes.Buffer
	r := &run{Options: Options{Stdout: &out}}
	failed, err := r.readEvents(strings.NewReader(`{"Action":"start","Package":"example.org/a"}
{"Action":"run","Package":"example.org/a","Test":"TestA"}
{"Action":"start","Package":"example.org/b"}
{"Action":"pass","Package":"example.org/b"}
`))
	want := []string{"example.org/a: failed outside its tests, in TestA"}
	if diff := cmp.Diff(want, r.tally.failed); diff != "" || failed != 1 || err != nil {
		t.Errorf("%d, %v (-want +got):\n%s", failed, err, diff)
	}
}

// A check that fails is counted, too.
func TestCheck(t *testing.T) {
	var out bytes.Buffer
	r := &run{Options: Options{Stdout: &out}}
	r.check(t.Context(), "good", goCommand("version"))
	r.check(t.Context(), "bad", goCommand("no-such-command"))
	err := r.tally.end(&out)
	if got := fmt.Sprint(r.tally.failed, err); got != "[bad] checks failed; they are listed above" || !strings.HasSuffix(out.String(), "\n0 passed, 1 failed, 0 skipped\n") {
		t.Errorf("%s\n%s", got, &out)
	}
}
