package verify

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// pluginVariable names a folder of Composer packages, each a folder of it: php-tuf/composer-integration, php-tuf/php-tuf
// and what they require.
const pluginVariable = "NIGHTLY_TUF_PLUGIN"

// A project of Composer requires the package that is attacked, and has the plugin.
type project struct {
	*arena
	composer string // empty: there is no plugin
	dir      string
	home     string
}

func newProject(t *testing.T, a *arena) *project {
	t.Helper()
	plugin := os.Getenv(pluginVariable)
	p := &project{arena: a, dir: t.TempDir(), home: t.TempDir()}
	if plugin == "" {
		return p
	}
	var err error
	if p.composer, err = exec.LookPath("composer"); err != nil {
		t.Fatal(err)
	}
	f := folder{t, p.dir}
	const config = `{"name": "acme/shop", "minimum-stability": "dev", "provide": {"psr/log": "3.0.2"},
		"config": {"allow-plugins": true, "secure-http": false},
		"repositories": [{"type": "path", "url": %q}, {"packagist.org": false}%s],
		"require": {"php-tuf/composer-integration": "*"%s}}`
	f.write("composer.json", fmt.Sprintf(config, plugin+"/*", "", ""))
	if err := p.run(t, p.dir); err != nil {
		t.Fatal(err)
	}
	f.write("composer.json", fmt.Sprintf(config, plugin+"/*", fmt.Sprintf(`, {"type": "composer", "url": %q, "tuf": true}`, strings.TrimSuffix(a.url, "/")), `, "acme/module-a": "*"`))
	f.write("tuf/127.0.0.1.json", string(a.root))
	return p
}

// update runs Composer in a copy of a project, from a repository.
func (p *project) update(t *testing.T, dir, repository string) (string, error) {
	t.Helper()
	to := folder{t, filepath.Join(t.TempDir(), "shop")}
	if p.composer == "" {
		return to.dir, nil
	}
	if out, err := exec.CommandContext(t.Context(), "cp", "-a", dir, to.dir).CombinedOutput(); err != nil { // CopyFS takes no links
		t.Fatalf("%v: %s", err, out)
	}
	p.served.Store(repository)
	return to.dir, p.run(t, to.dir)
}

func (p *project) run(t *testing.T, dir string) error {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), p.composer, "update", "--no-interaction", "--no-progress", "--no-cache", "--no-audit")
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + p.home, "COMPOSER_HOME=" + p.home, "COMPOSER_ALLOW_SUPERUSER=1"}
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}
