package install

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
)

// killedIn is the work folder of the process that TestKilled starts and kills.
const killedIn = "NIGHTLY_TEST_KILLED_IN"

func TestHelperProcess(t *testing.T) {
	dir := os.Getenv(killedIn)
	if dir == "" {
		t.Skip("is the process that other tests start and kill")
	}
	f := newShop(t, tinyShop(t), releases.Shop, releases.StandInSearch)
	f.options.Dir = dir
	f.options.Progress = func(step pipeline.Step) { fmt.Println("at " + step.Item) }
	if _, err := Stage(f.options).Run(t.Context(), f.candidate); err != nil {
		t.Fatal(err)
	}
}

// Killed at any moment, an installation leaves nothing that disturbs the next,
// and nothing that runs once the next has begun.
func TestKilled(t *testing.T) {
	needDatabase(t)
	for _, step := range []string{"install", "mariadb-install-db", "setup:install", "page home page"} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			f := newShop(t, tinyShop(t), releases.Setup, releases.NoSearch)
			killAt(t, f.options.Dir, step)
			if _, err := Stage(f.options).Run(t.Context(), f.candidate); err != nil {
				t.Fatal(err)
			}
			mustBeFree(t, f.options.Dir)
			if left := holders(filepath.Join(f.options.Dir, pidfile)); len(left) > 0 {
				t.Errorf("left: %d %s", left[0], commandOf(left[0]))
			}
		})
	}
}

// killAt runs an installation in a process of its own until it comes to a step,
// and kills that process alone, as the kernel does when memory runs out.
func killAt(t *testing.T, dir, step string) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestHelperProcess$", "-test.v")
	cmd.Env = append(os.Environ(), killedIn+"="+dir, "TMPDIR="+t.TempDir())
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var seen []string
	for lines := bufio.NewScanner(out); lines.Scan(); {
		seen = append(seen, lines.Text())
		if lines.Text() == "at "+step {
			break
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Errorf("%s was never reached: %v\n%s", step, err, strings.Join(seen, "\n"))
	}
	if err := cmd.Wait(); err == nil {
		t.Errorf("it ended before it was killed:\n%s", strings.Join(seen, "\n"))
	}
}

// What holds the pidfile of a run that is no more is ended; what only works in the
// folder is somebody else's.
func TestStale(t *testing.T) {
	root := t.TempDir()
	dir, err := openFolder(t.Context(), Options{Dir: root}.withDefaults())
	if err != nil {
		t.Fatal(err)
	}
	sleeper := func(inherited []*os.File) *exec.Cmd {
		cmd := exec.Command("sleep", "600")
		cmd.Dir, cmd.ExtraFiles = root, inherited
		if err := cmd.Start(); err != nil {
			t.Skipf("needs sleep: %v", err)
		}
		t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
		return cmd
	}
	ours, others := sleeper(dir.inherited()), sleeper(nil)
	if err := os.WriteFile(dir.path(pidfile), []byte("2147483647\n"), 0o644); err != nil { // no such process
		t.Fatal(err)
	}
	dir.close()
	again, err := openFolder(t.Context(), Options{Dir: root}.withDefaults())
	if err != nil {
		t.Fatal(err)
	}
	again.close()
	if !ended(ours.Process.Pid) {
		t.Error("what an earlier run started still runs")
	}
	if ended(others.Process.Pid) {
		t.Error("somebody else's process was ended")
	}
}

// Something that leaves the process group of its step is found, too.
func TestLeftBehind(t *testing.T) {
	needTools(t)
	if _, err := exec.LookPath("setsid"); err != nil {
		t.Skipf("needs setsid: %v", err)
	}
	t.Parallel()
	sources := tiny()
	sources[project].files["pub/index.php"] = `<?php
		fgets(popen("setsid sh -c 'echo up; exec sleep 600 >/dev/null' 2>/dev/null &", 'r')); // it has a session of its own
		echo 'Hello from a module';`
	f := newFixture(t, sources)
	got, err := Stage(f.options).Run(t.Context(), f.candidate)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Notices) == 0 || got.Notices[0].Kind != "left behind" || !strings.Contains(got.Notices[0].Text, "sleep 600") {
		t.Errorf("notices %v, want what was left behind", got.Notices)
	}
	mustBeFree(t, f.options.Dir)
}
