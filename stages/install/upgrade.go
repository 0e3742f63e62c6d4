package install

import (
	"context"
	"fmt"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/stages"
)

// upgrade installs the earlier snapshot beside the shop and upgrades it to the
// candidate: composer update, and setup:upgrade from level setup on.
func (s *shop) upgrade(ctx context.Context) error {
	from := s.candidate.Upgrade
	if s.options.Previous == nil {
		return &MachineError{Err: fmt.Errorf("snapshot %s, which is to be upgraded, is served by nobody", from.Snapshot), Do: "name the repository that has it"}
	}
	stop, address, err := listenAndServe(from.Snapshot.Title(), s.options.Previous)
	if err != nil {
		return err
	}
	s.atEnd(stop)
	err = s.inOtherProject("upgrade", func(old *shop) error { return old.upgradeFrom(ctx, "http://"+address+"/", from) })
	if err != nil {
		return &LevelError{Level: s.now, Err: fmt.Errorf("upgrade from snapshot %s: %w", from.Snapshot, err)}
	}
	s.prove("upgrade", "from snapshot %s, %s", from.Snapshot, from.Version)
	return nil
}

// inOtherProject works on another project in the same work folder. Of that only the steps
// and what was not proven go into the report.
func (s *shop) inOtherProject(folder string, do func(other *shop) error) error {
	other := *s
	other.folder, other.proven, other.packages, other.locked, other.built = folder, nil, nil, nil, nil
	err := do(&other)
	s.commands, s.steps, s.ending, s.notProven = other.commands, other.steps, other.ending, other.notProven
	return err
}

func (s *shop) upgradeFrom(ctx context.Context, base string, from stages.Upgrade) error {
	setup := s.candidate.Install.Level.Includes(releases.Setup) && s.database.upgrade != ""
	err := inOrder(ctx,
		s.creating("create-previous", base, from.Version),
		func(context.Context) error { return s.pointAt(base) },
		func(ctx context.Context) error {
			return s.packagesBy(ctx, "install-previous", "install", "--prefer-dist")
		},
		func(ctx context.Context) error {
			if setup {
				return s.setUpPrevious(ctx)
			}
			return nil
		},
		s.requireCandidate,
		func(ctx context.Context) error {
			return s.packagesBy(ctx, "update", "update", "--with-all-dependencies")
		},
		s.checkPackages, s.readLock)
	if err != nil {
		return err
	}
	s.built = nil // its modules are the candidate's now
	if !setup {
		s.skip("setup:upgrade", "it needs level %s, and a second database where one is given: NIGHTLY_DATABASE=…?upgrade=NAME", releases.Setup)
		return nil
	}
	for _, name := range []string{"setup:upgrade", "setup:db:status", "indexer:info"} {
		if _, err := s.run(ctx, s.magento("upgraded "+name, name)); err != nil {
			return s.serviceFailed(err)
		}
	}
	return nil
}

// setUpPrevious sets the earlier snapshot up in a database of its own.
func (s *shop) setUpPrevious(ctx context.Context) error {
	if err := s.readLock(ctx); err != nil {
		return err
	}
	d := *s.database
	d.name = d.upgrade
	s.database = &d
	if s.search.address == "" { // its version may have other modules
		s.search = &search{disabled: s.searchModules()}
	}
	return s.setUp(ctx)
}

// requireCandidate gives the earlier project the requires of the candidate, and the
// repository that has them: what a person does who upgrades.
func (s *shop) requireCandidate(context.Context) error {
	earlier, _, err := s.readManifest()
	if err != nil {
		return err
	}
	built := *s
	built.folder = mainProject
	current, repositories, err := built.readManifest()
	if err != nil {
		return err
	}
	for _, section := range []composer.Section{composer.Require, composer.RequireDev} {
		earlier.SetLinks(section, current.Links(section))
	}
	return writeManifest(s.project(), earlier, repositories)
}
