package ci

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mage-os/nightly/ci/check"
	"github.com/mage-os/nightly/stages"
)

// needImage is the image with PHP and Composer that the environment names.
func needImage(t *testing.T) string {
	t.Helper()
	image := os.Getenv(check.PHPImage)
	if image == "" {
		t.Skipf("%s is not set: it names an image with PHP and Composer, such as ci/engine/engine image makes", check.PHPImage)
	}
	return image
}

// report reads the report of the only cell that was proven.
func (l *lab) report(store string) string {
	l.t.Helper()
	files, err := filepath.Glob(filepath.Join(l.dir, store, "install", "sample-*", "report", stages.ReportFile))
	if err != nil || len(files) != 1 {
		l.t.Fatalf("reports: %v, %v", files, err)
	}
	data, err := os.ReadFile(files[0])
	if err != nil {
		l.t.Fatal(err)
	}
	return string(data)
}

// TestEngineInstall: a night is proven in a container, in the cell of the matrix
// that the image allows, and its report comes here; so does that of a night that
// does not install.
func TestEngineInstall(t *testing.T) {
	l := newLab(t)
	image := needImage(t)
	args := []string{"nightly", "--line", "sample", "--runner", inContainers, "--until", "install", "--install-image", image, "--store"}
	out := l.must(append(args, filepath.Join(l.dir, "good"))...)
	if !strings.Contains(out, "the image has PHP ") || !strings.Contains(out, "level install: 20 packages installed") {
		t.Errorf("one cell is proven and the others are named:\n%s", out)
	}
	if strings.Contains(out, "\ninstall      ") {
		t.Errorf("a step of an installation does not name its cell:\n%s", out)
	}
	if text := l.report("good"); !strings.Contains(text, ": passed") || !strings.Contains(text, "Hello from Sample_Greeting") {
		t.Errorf("the report:\n%s", text)
	}
	bad := l.badLine()
	out, err := l.run("nightly", "--line", bad, "--runner", inContainers, "--until", "install", "--install-image", image, "--store", filepath.Join(l.dir, "bad"))
	if code := codeOf(err); code != exitInstall {
		t.Fatalf("a night that does not install: %v; want exit code %d\n%s", err, exitInstall, out)
	}
	text := l.report("bad")
	if !strings.Contains(text, ": FAILED") || !strings.Contains(text, "nobody says this") {
		t.Errorf("the report of the failure:\n%s", text)
	}
	if !strings.Contains(out, filepath.Join(l.dir, "bad", "install")) {
		t.Errorf("the failure does not say where its report is:\n%s", out)
	}
}

// badLine is sample, expecting what no script prints.
func (l *lab) badLine() string {
	l.t.Helper()
	data, err := os.ReadFile("../releases/sample.yaml")
	if err != nil {
		l.t.Fatal(err)
	}
	return l.write("sample.yaml", strings.Replace(string(data), "expect: [Hello from Sample_Greeting]", "expect: [nobody says this]", 1))
}

// write gives a file in the lab's folder that has this text.
func (l *lab) write(name, text string) string {
	l.t.Helper()
	file := filepath.Join(l.dir, name)
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		l.t.Fatal(err)
	}
	return file
}

func codeOf(err error) int {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return 0
	}
	return exit.ExitCode()
}

// TestEngineAlone: with an engine a night is built, proven and published by a program that finds
// no other one on its machine.
func TestEngineAlone(t *testing.T) {
	l := newLab(t)
	image := needImage(t)
	if os.Getenv("_EXPERIMENTAL_DAGGER_CLI_BIN") == "" {
		t.Skip("no _EXPERIMENTAL_DAGGER_CLI_BIN: Dagger's own program would be fetched")
	}
	l.env = []string{"PATH=" + t.TempDir()}
	if out := l.must("doctor"); !strings.Contains(out, "not needed: containers have it") || !strings.Contains(out, "install       yes") {
		t.Errorf("doctor says:\n%s", out)
	}
	out := l.must("nightly", "--line", "sample", "--install-image", image, "--store", filepath.Join(l.dir, "store"), "--to", filepath.Join(l.dir, "repository"))
	if !strings.Contains(out, "level install: 20 packages installed") || !strings.Contains(out, "unpinned: php:8.") {
		t.Errorf("the night:\n%s", out)
	}
	if text := l.report("store"); !strings.Contains(text, " | "+image+" (unpinned: as it was found) |") {
		t.Errorf("the report:\n%s", text)
	}
	asLike := []string{"nightly", "--line", "sample", "--until", "install", "--like", filepath.Join(l.dir, "repository"), "--store", filepath.Join(l.dir, "other")}
	if out, err := l.run(asLike...); codeOf(err) != exitConfig || !strings.Contains(out, "="+image) {
		t.Errorf("an image that is not the table's: %v\n%s", err, out)
	}
	like := l.must(append(asLike, "--install-image", image)...)
	if !strings.Contains(like, "packages installed") || strings.Contains(like, "the image has PHP") {
		t.Errorf("another one like it:\n%s", like)
	}
	l.env = append(l.env, "NIGHTLY_DATABASE=mysql://user:password@127.0.0.1/shop")
	if out, err := l.run("nightly", "--line", "sample", "--level", "setup", "--until", "install", "--store", filepath.Join(l.dir, "store")); codeOf(err) != exitConfig || !strings.Contains(out, "NIGHTLY_DATABASE") {
		t.Errorf("a database of this machine: %v\n%s", err, out)
	}
}

// TestEngineNoImage: an image that cannot be had is the machine's fault, and
// stands in the report over all cells.
func TestEngineNoImage(t *testing.T) {
	l := newLab(t)
	store := filepath.Join(l.dir, "store")
	out, err := l.run("nightly", "--line", "sample", "--runner", inContainers, "--until", "install", "--cell", "php8.2", "--install-image", "file:///nonexistent.tar", "--store", store)
	if code := codeOf(err); code != exitMachine {
		t.Fatalf("%v; want exit code %d\n%s", err, exitMachine, out)
	}
	matrix, err := os.ReadFile(filepath.Join(store, "install", "sample-matrix.md"))
	if err != nil || !strings.Contains(string(matrix), "| php8.2 | failed | ") {
		t.Errorf("the report over all: %v\n%s", err, matrix)
	}
}
