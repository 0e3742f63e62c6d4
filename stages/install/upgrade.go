package install

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/mage-os/nightly/pipeline/files"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/stages"
)

// upgrade installs the earlier night beside the shop and upgrades it to the
// candidate: composer update, and setup:upgrade from level setup on.
func (s *shop) upgrade(ctx context.Context) error {
	from := s.candidate.Upgrade
	if s.options.Previous == nil {
		return &MachineError{Err: fmt.Errorf("night %s, which is to be upgraded, is served by nobody", from.Snapshot), Do: "name the repository that has it"}
	}
	stop, address, err := listenAndServe(s.options.Previous)
	if err != nil {
		return &MachineError{Err: fmt.Errorf("serve night %s on loopback: %w", from.Snapshot, err), Do: "allow listening on 127.0.0.1"}
	}
	s.atEnd(stop)
	old := s.beside("upgrade")
	err = old.upgradeFrom(ctx, "http://"+address+"/", from)
	s.commands, s.steps = old.commands, old.steps
	s.ending = old.ending
	s.notProven = append(s.notProven, old.notProven...)
	if err != nil {
		return &LevelError{Level: s.now, Err: fmt.Errorf("upgrade from night %s: %w", from.Snapshot, err)}
	}
	s.prove("upgrade", "from night %s, %s", from.Snapshot, from.Version)
	return nil
}

// beside is another project in the same work folder, with a database of its own.
func (s *shop) beside(folder string) *shop {
	other := *s
	other.folder, other.proven, other.notProven, other.packages, other.locked, other.built = folder, nil, nil, nil, nil, nil
	return &other
}

func (s *shop) upgradeFrom(ctx context.Context, base string, from stages.Upgrade) error {
	if err := s.create(ctx, "create-previous", base, from.Version); err != nil {
		return err
	}
	if err := s.pointAt(base); err != nil {
		return err
	}
	if err := s.packagesBy(ctx, "install-previous", "install", "--prefer-dist"); err != nil {
		return err
	}
	setup := s.level().Includes(releases.Setup) && s.database.upgrade != ""
	if setup {
		if err := s.setUpPrevious(ctx); err != nil {
			return err
		}
	}
	if err := s.requireTonight(); err != nil {
		return err
	}
	if err := s.packagesBy(ctx, "update", "update", "--with-all-dependencies"); err != nil {
		return err
	}
	if err := s.checkPackages(ctx); err != nil {
		return err
	}
	var err error
	if s.locked, err = s.readPackages("composer.lock"); err != nil {
		return err
	}
	s.built = nil // its modules are tonight's now
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

// setUpPrevious sets the earlier night up in a database of its own.
func (s *shop) setUpPrevious(ctx context.Context) error {
	var err error
	if s.locked, err = s.readPackages("composer.lock"); err != nil {
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

// requireTonight gives the earlier project the requires of tonight's, and the
// repository that has them: what a person does who upgrades.
func (s *shop) requireTonight() error {
	data, err := files.ReadPlain(s.dir.path("shop/composer.json"), maxForeign)
	if err != nil {
		return fmt.Errorf("the project of tonight: %w", err)
	}
	tonight, err := composer.ParseManifest(data)
	if err != nil {
		return err
	}
	earlier, err := s.readManifest()
	if err != nil {
		return err
	}
	for _, section := range []composer.Section{composer.Require, composer.RequireDev} {
		earlier.SetLinks(section, tonight.Links(section))
	}
	raw, ok := tonight.Get("repositories")
	if !ok {
		return errors.New("the project of tonight names no repositories")
	}
	if err := earlier.Set("repositories", raw); err != nil {
		return err
	}
	return os.WriteFile(s.in("composer.json"), earlier.Encode(), 0o644)
}
