package ci

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The code of a package that means harm, in a container, finds no secret, nothing that a later
// run uses, and no network but its services. See wall.txtar for this process.
func TestEngineWall(t *testing.T) {
	l := newLab(t)
	image := needImage(t)
	clone, store := filepath.Join(l.dir, "clone"), filepath.Join(l.dir, "store")
	l.must("nightly", "--line", "sample", "--until", "checkout", "--runner", inProcess, "--store", store)
	git := func(args ...string) {
		if out, err := exec.Command("git", args...).CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	git("clone", "-q", filepath.Join(store, "embedded/repositories/monorepo"), clone)
	attack, err := os.ReadFile(attackFile)
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.OpenFile(filepath.Join(clone, "app/code/Sample/Greeting/registration.php"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = file.WriteString(strings.NewReplacer("@WORK@", l.dir, "@PORT@", "8099").Replace(string(attack)))
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	l.env = []string{"GITHUB_TOKEN=canary-token", `COMPOSER_AUTH={"bearer":{"example.org":"canary"}}`, "https_proxy=http://canary:canary@127.0.0.1:1", "no_proxy=*"}
	l.must("nightly", "--line", "sample", "--with", "monorepo="+clone, "--runner", inContainers, "--until", "install", "--install-image", image, "--store", store)
	text := l.report("store")
	if !strings.Contains(text, "attack: it ran as 65534") {
		t.Errorf("the attack did not run, or as another user than nobody:\n%s", text)
	}
	if !strings.Contains(text, "module-greeting/registration.php") {
		t.Errorf("the report does not name the package that PHP warned of:\n%s", text)
	}
	for _, found := range regexp.MustCompile(`attack: (?:read|wrote|saw|reached) \S+`).FindAllString(text, -1) {
		t.Error(found)
	}
}

// An image without bubblewrap installs nothing: its container has the rights to build a wall.
func TestEngineWithoutWall(t *testing.T) {
	l := newLab(t)
	image := needImage(t)
	dir := filepath.Join(l.dir, "rootfs")
	if out, err := exec.Command("sh", "-ec", `mkdir "$1" && cd "$1" && tar -xf "$0" && layer=$(ls -S blobs/sha256/* | head -1) && mkdir fs && tar -xf "$layer" -C fs && rm fs/usr/bin/bwrap`,
		strings.TrimPrefix(image, "file://"), dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	out, err := l.run("nightly", "--line", "sample", "--runner", inContainers, "--until", "install", "--install-image", "file://"+filepath.Join(dir, "fs"), "--store", filepath.Join(l.dir, "store"))
	if code := codeOf(err); code != exitMachine || !strings.Contains(out, "nothing to build a wall") {
		t.Errorf("%v, want exit code %d\n%s", err, exitMachine, out)
	}
}
