package install

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
)

// minimal is a second project of the tiny night, which requires one package.
func minimal(require string) *source {
	return &source{manifest: `{"name":"tiny-os/project-minimal-edition","version":"` + version + `","type":"project",
		"require":{"` + require + `":"` + version + `"},
		"repositories":[{"type":"composer","url":"` + public + `"}],"minimum-stability":"alpha"}`}
}

// The projects that are not installed are resolved, and one that nobody could create
// fails the snapshot by its name.
func TestEditions(t *testing.T) {
	needTools(t)
	t.Parallel()
	run := func(require string) (stages.Installation, error) {
		sources := tiny()
		sources["tiny-os/project-minimal-edition"] = minimal(require)
		f := newFixture(t, sources)
		f.candidate.Install.Level = releases.Resolve
		return Stage(f.options).Run(t.Context(), f.candidate)
	}
	got, err := run(greeter)
	if err != nil {
		t.Fatal(err)
	}
	want := stages.Proof{Step: "edition", Detail: "tiny-os/project-minimal-edition " + version + " resolves, 2 packages"}
	if !slices.Contains(got.Proven, want) {
		t.Errorf("%v was proven, not %v", got.Proven, want)
	}
	_, err = run("tiny-os/module-nowhere")
	var level *LevelError
	if !errors.As(err, &level) || level.Level != releases.Resolve || !strings.Contains(err.Error(), "edition tiny-os/project-minimal-edition") || !strings.Contains(err.Error(), "tiny-os/module-nowhere") {
		t.Errorf("a project that does not resolve: %v", err)
	}
}
