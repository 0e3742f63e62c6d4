package install

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// The shop's own settings. Its admin may do nothing from outside: it is served on
// loopback, for as long as the installation takes.
const (
	backend       = "admin"
	adminUser     = "nightly"
	adminPassword = "Nightly-1234" // letters and digits, as the shop wants them
)

// magento is a command of bin/magento in the installed project.
func (s *shop) magento(step string, args ...string) command {
	return command{step: step, dir: s.project(), extra: s.beside, args: slices.Concat([]string{s.programs.php, "bin/magento"}, args, []string{"--no-interaction", "--no-ansi"})}
}

// magentoDone runs such a command and notes that it passed.
func (s *shop) magentoDone(ctx context.Context, args ...string) error {
	if _, err := s.run(ctx, s.magento(args[0], args...)); err != nil {
		return err
	}
	s.prove(args[0], "passed")
	return nil
}

// setUp runs setup:install.
func (s *shop) setUp(ctx context.Context) error {
	address, err := s.webAddress()
	if err != nil {
		return err
	}
	s.web = &web{address: address}
	d := s.database
	args := []string{"setup:install",
		"--base-url=http://" + address + "/", "--use-rewrites=1", "--backend-frontname=" + backend,
		"--db-host=" + d.host, "--db-name=" + d.name, "--db-user=" + d.user, "--db-password=" + string(d.password),
		"--admin-firstname=Night", "--admin-lastname=Ly", "--admin-email=nightly@example.com",
		"--admin-user=" + adminUser, "--admin-password=" + adminPassword,
		"--language=en_US", "--currency=USD", "--timezone=UTC", "--cleanup-database",
	}
	args = append(args, s.options.Services.extraArguments()...)
	c := s.magento("setup:install", append(args, s.search.arguments()...)...)
	if err := s.setUpBeside(ctx, &c); err != nil {
		return err
	}
	c.secrets = map[string]string{}
	if d.secret {
		c.secrets[databaseSecret] = string(d.password)
	}
	if q := s.options.Services.Queue; q != nil {
		c.secrets["QUEUE_PASSWORD"] = string(q.Password)
	}
	if _, err := s.run(ctx, c); err != nil {
		return s.serviceFailed(err)
	}
	s.prove("setup:install", "%s", s.candidate.Snapshot.Project)
	return nil
}

// gone is what PHP says when a service went away.
var gone = regexp.MustCompile(`SQLSTATE\[HY000\] \[(2002|2003)\]|MySQL server has gone away|No alive nodes found in your cluster|SQLSTATE\[HY000\] \[1045\]`)

// serviceFailed makes a *MachineError of a step that failed because the database
// or the search did. It returns nil for nil, and any other error as it is.
func (s *shop) serviceFailed(err error) error {
	if err == nil {
		return nil
	}
	if text := gone.FindString(err.Error()); text != "" {
		return &MachineError{Err: fmt.Errorf("a service does not answer (%s): %w", text, err), Do: "look at the service's own log"}
	}
	return err
}

// sampleData adds the packages of the distribution's sample data.
func (s *shop) sampleData(ctx context.Context) error {
	if !s.candidate.Install.SampleData {
		return nil
	}
	c := s.magento("sampledata:deploy", "sampledata:deploy")
	c.served = true
	if _, err := s.run(ctx, c); err != nil {
		return s.reachable(err)
	}
	locked, err := s.readPackages("composer.lock")
	if err != nil {
		return err
	}
	count := len(locked) - len(s.locked)
	if count < 1 {
		return errors.New("sampledata:deploy added no package: no installed package suggests one with \"Sample Data version:\"")
	}
	s.locked, s.built = locked, nil // its modules have to be enabled, too
	s.prove("sample data", "%d packages of it are installed", count)
	return nil
}

// status asks whether the database is what the code wants.
func (s *shop) status(ctx context.Context) error {
	return s.magentoDone(ctx, "setup:db:status")
}

// fulltext is the index that lies in the search.
const fulltext = "catalogsearch_fulltext"

// reindex builds every index; without a search all but the full-text one.
func (s *shop) reindex(ctx context.Context) error {
	lines, err := s.lines(ctx, s.magento("indexer:info", "indexer:info"))
	if err != nil {
		return err
	}
	for _, line := range lines {
		if fields := strings.Fields(line); len(fields) > 1 && (s.search.address != "" || fields[0] != fulltext) {
			s.indexes = append(s.indexes, fields[0])
		}
	}
	if err := s.reindexAs(ctx, "indexer:reindex"); err != nil {
		return err
	}
	s.prove("indexer:reindex", "%d indexes", len(s.indexes))
	return nil
}

// reindexAs builds the indexes, as a step of that name.
func (s *shop) reindexAs(ctx context.Context, step string) error {
	failed := ""
	c := s.magento(step, append([]string{"indexer:reindex"}, s.indexes...)...)
	c.line = func(line string) {
		if strings.Contains(line, "process error") || strings.Contains(line, "unknown error") {
			failed += line + "\n"
		}
	}
	log, err := s.run(ctx, c)
	if err != nil {
		return s.serviceFailed(err)
	}
	if failed != "" { // indexer:reindex has ended with 0 nevertheless in some versions
		return fmt.Errorf("indexer:reindex:\n%s\n%sall output: %s", indent(failed), blames(s.blame(failed)), log)
	}
	return nil
}

// deploy changes to production mode, with its static content.
func (s *shop) deploy(ctx context.Context) error {
	if err := s.magentoDone(ctx, "setup:static-content:deploy", "--force", "--jobs=2", "en_US"); err != nil {
		return err
	}
	return s.magentoDone(ctx, "deploy:mode:set", "production", "--skip-compilation")
}
