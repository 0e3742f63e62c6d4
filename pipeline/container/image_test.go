package container_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dagger.io/dagger"

	"github.com/mage-os/nightly/pipeline/container"
	"github.com/mage-os/nightly/pipeline/container/testdata/stage/kinds"
)

// newRegistry starts a registry on loopback, which the engine of this machine reaches, too, and
// gives its address.
func newRegistry(t *testing.T) string {
	t.Helper()
	program, err := exec.LookPath("docker-registry")
	if err != nil {
		t.Skip("no registry: this machine has no docker-registry (Debian package docker-registry)")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	dir := t.TempDir()
	file := filepath.Join(dir, "config.yml")
	settings := fmt.Sprintf("version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: %s}}\nhttp: {addr: %q}\n", dir, address)
	if err := os.WriteFile(file, []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "serve", file)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	for range 100 {
		if conn, err := net.Dial("tcp", address); err == nil {
			conn.Close()
			return address
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("the registry does not answer")
	return ""
}

// label is a recipe that needs no other image.
func label(text string) string { return "# labelled\nFROM scratch\nLABEL text=" + text + "\n" }

// TestEngineImages: what is made by a recipe and published is what its tag then is, for the
// whole session.
func TestEngineImages(t *testing.T) {
	r := newRig(t, nil)
	tag := newRegistry(t) + "/labelled:1"
	publish := func(text string) string {
		published, err := r.engine.MakeImage(t.Context(), label(text), tag, nil)
		if err != nil {
			t.Fatalf("%v\n%s", err, r.raw)
		}
		if !strings.HasPrefix(published, tag+"@sha256:") {
			t.Fatalf("it was published as %s", published)
		}
		return published
	}
	resolve := func(r *rig, want string) {
		t.Helper()
		if got, err := r.engine.Resolve(t.Context(), tag); err != nil || got != want {
			t.Errorf("resolved to %s, %v; want %s", got, err, want)
		}
	}
	first := publish("one")
	resolve(r, first)
	second := publish("two")
	if second == first {
		t.Error("two images have one digest")
	}
	resolve(r, first)

	var missing *container.ServiceError
	if _, err := r.engine.Resolve(t.Context(), tag+"0"); !errors.As(err, &missing) {
		t.Errorf("a tag that is not there: %v", err)
	}
	if _, err := r.engine.MakeImage(t.Context(), "# broken\nFROM scratch\nCOPY nothing /\n", "", nil); !errors.As(err, &missing) || !strings.Contains(err.Error(), "its image broken: ") {
		t.Errorf("a recipe that fails: %v", err)
	}
	r.engine.Close() // sessions that overlap share answers
	resolve(r.session(nil), second)
}

// TestEngineProgramImage: stages run with the program of an image.
func TestEngineProgramImage(t *testing.T) {
	address := newRig(t, nil).programImage(newRegistry(t) + "/program:1")
	r := newRig(t, func(o *container.Options) {
		o.Program = func(ctx context.Context, arch string) (string, error) {
			return container.Program(ctx, address, t.TempDir(), arch)
		}
	})
	if got := r.run("make", kinds.In{Texts: map[string]string{"a": "alpha"}}); r.texts(got.Tree)["a"] != "alpha" {
		t.Error("the stage did not write its file")
	}
}

// programImage publishes the test's program.
func (r *rig) programImage(to string) string {
	r.t.Helper()
	path, err := program()
	if err != nil {
		r.t.Fatal(err)
	}
	client, err := dagger.Connect(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	defer client.Close()
	published, err := client.Container().WithFile(container.ProgramPath, client.Host().File(path)).Publish(r.t.Context(), to)
	if err != nil {
		r.t.Fatal(err)
	}
	return published
}
