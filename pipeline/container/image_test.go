package container_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"dagger.io/dagger"

	"github.com/mage-os/nightly/pipeline/container"
	"github.com/mage-os/nightly/pipeline/container/registrytest"
	"github.com/mage-os/nightly/pipeline/container/testdata/stage/kinds"
)

// label is a recipe that needs no other image.
func label(text string) string { return "# labelled\nFROM scratch\nLABEL text=" + text + "\n" }

// TestEngineImages: what is made by a recipe and published is what its tag then is, for the
// whole session.
func TestEngineImages(t *testing.T) {
	r := newRig(t, nil)
	tag := registrytest.Start(t, os.Getenv(container.RunnerHost)) + "/labelled:1"
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
	address := newRig(t, nil).programImage(registrytest.Start(t, os.Getenv(container.RunnerHost)) + "/program:1")
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
