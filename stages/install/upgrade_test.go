package install

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mage-os/nightly/pipeline/store"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
)

// before is the version of the snapshot before the one of the tests.
const before = "1.0.0.1-alpha20261123"

// upgraded is a shop that has to be upgraded from the snapshot before, whose
// sources are these.
func upgraded(t *testing.T, earlier map[string]*source) *fixture {
	t.Helper()
	f := newShop(t, tinyShop(t), releases.Setup, releases.NoSearch)
	for _, src := range earlier {
		src.manifest = strings.ReplaceAll(src.manifest, version, before)
	}
	old := &fixture{candidate: stages.Candidate{Snapshot: stages.Snapshot{Name: "2026-11-23"}}}
	old.build(t, f.options.Store.(*store.Store), earlier)
	handler, err := stages.SnapshotHandler(f.options.Store, old.candidate.Snapshot)
	if err != nil {
		t.Fatal(err)
	}
	f.options.Previous = handler
	f.candidate.Upgrade = stages.Upgrade{Snapshot: "2026-11-23", Version: before}
	return f
}

func TestUpgrade(t *testing.T) {
	needDatabase(t)
	t.Parallel()
	f := upgraded(t, tinyShop(t))
	got, err := Stage(f.options).Run(t.Context(), f.candidate)
	if err != nil {
		t.Fatal(err)
	}
	if want := (stages.Proof{Step: "upgrade", Detail: "from snapshot 2026-11-23, " + before}); !slices.Contains(got.Proven, want) {
		t.Errorf("proven %v, want %v", got.Proven, want)
	}
	for path, want := range map[string]string{"shop/composer.lock": version, "upgrade/composer.lock": version} {
		lock := string(readFile(t, filepath.Join(f.options.Dir, path)))
		if !strings.Contains(lock, want) || strings.Contains(lock, before) {
			t.Errorf("%s is not of tonight", path)
		}
	}
}

// What only the upgrade can find is found by it. The command line is the earlier
// project's: composer update does not touch the project itself.
func TestUpgradeFails(t *testing.T) {
	needDatabase(t)
	t.Parallel()
	earlier := tinyShop(t)
	earlier[project].files["bin/magento"] = strings.Replace(earlier[project].files["bin/magento"],
		"'setup:upgrade' => apply(),", "'setup:upgrade' => throw new RuntimeException('cannot upgrade Tiny_Greeting'),", 1)
	f := upgraded(t, earlier)
	_, err := Stage(f.options).Run(t.Context(), f.candidate)
	var at *LevelError
	if !errors.As(err, &at) || !strings.Contains(err.Error(), "upgrade from snapshot 2026-11-23: upgraded setup:upgrade: ") || !strings.Contains(err.Error(), "named by that: "+greeter) {
		t.Errorf("got %v, want that the upgrade fails", err)
	}
}

func TestUpgradeFromNobody(t *testing.T) {
	needDatabase(t)
	t.Parallel()
	f := upgraded(t, tinyShop(t))
	f.options.Previous, f.candidate.Install.Level = nil, releases.Resolve
	_, err := Stage(f.options).Run(t.Context(), f.candidate)
	var machine *MachineError
	if !errors.As(err, &machine) || !strings.Contains(err.Error(), "snapshot 2026-11-23, which is to be upgraded, is served by nobody") {
		t.Errorf("got %v", err)
	}
}
