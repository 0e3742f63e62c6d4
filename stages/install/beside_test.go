package install

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mage-os/nightly/releases"
)

// besideShop is a shop that takes its folders as Magento does. Its set-up ends when the
// compilation has begun, and fails where that does not begin beside it.
func besideShop(t *testing.T, compiled string) map[string]*source {
	t.Helper()
	sources := tinyShop(t)
	shop := sources[project].files
	shop["setup/src/Magento/Setup/Mvc/Bootstrap/InitParamListener.php"] = "<?php // INIT_PARAM_FILESYSTEM_DIR_PATHS $_SERVER[$initKey]"
	shop["app/etc/config.php"], shop["generated/.htaccess"] = "<?php return [];", ""
	magento := strings.Replace(shop["bin/magento"], "    return apply();\n", `    file_put_contents(ROOT . '/app/etc/env.php', 'secret');
    echo 'Installing database schema:', PHP_EOL;
    file_put_contents($_SERVER['MAGE_DIRS']['code']['path'] . '/Seen.php', '');
    for ($i = 0; !file_exists(ROOT . '/generated/code/Begun.php'); usleep(50000)) {
        if ($i++ > 1200) {
            return printed('the compilation did not begin') + 1;
        }
    }
    return apply();
`, 1)
	shop["bin/magento"] = strings.Replace(magento, "function compile(): int\n{\n", `function compile(): int
{
    $dirs = $_SERVER['MAGE_DIRS'];
    @mkdir(ROOT . '/generated/code');
    file_put_contents(ROOT . '/generated/code/Begun.php', '');
    file_put_contents($dirs['metadata']['path'] . '/global.php', json_encode(scandir($dirs['etc']['path'])));
    `+compiled+"\n", 1)
	return sources
}

func TestCompileBeside(t *testing.T) {
	needDatabase(t)
	t.Parallel()
	f := newShop(t, besideShop(t, ""), releases.Shop, releases.NoSearch)
	got, err := Stage(f.options).Run(t.Context(), f.candidate)
	if err != nil {
		t.Fatal(err)
	}
	if steps := strings.Join(stepsOf(got.Proven), " "); !strings.Contains(steps, "indexer:reindex setup:di:compile catalog") {
		t.Errorf("proven: %s", steps)
	}
	shop := filepath.Join(f.options.Dir, mainProject)
	if seen := string(readFile(t, filepath.Join(shop, "generated/metadata/global.php"))); !strings.Contains(seen, "config.php") || strings.Contains(seen, "env.php") {
		t.Errorf("the compilation saw %s in app/etc", seen)
	}
	if _, err := os.Stat(filepath.Join(shop, "generated/code/Seen.php")); err == nil {
		t.Error("the compilation saw what the set-up generated")
	}
	if _, err := os.Stat(filepath.Join(shop, "var/beside")); err == nil {
		t.Error("what the set-up generated is still there")
	}
}

// What fails beside is told where it belongs: of the compilation after all of the set-up, and
// of the set-up without waiting for it.
func TestCompileBesideFails(t *testing.T) {
	needDatabase(t)
	for name, test := range map[string]struct {
		compiled string
		change   func(sources map[string]*source)
		level    releases.Level
	}{
		"the compilation": {"exit(3);", func(map[string]*source) {}, releases.Compile},
		"the set-up": {"sleep(60);", func(sources map[string]*source) {
			sources[greeter].files["etc/db_schema.xml"] = strings.ReplaceAll(sources[greeter].files["etc/db_schema.xml"], `type="int"`, `type="none"`)
		}, releases.Setup},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sources := besideShop(t, test.compiled)
			test.change(sources)
			f := newShop(t, sources, releases.Shop, releases.NoSearch)
			_, err := Stage(f.options).Run(t.Context(), f.candidate)
			var at *LevelError
			if !errors.As(err, &at) || at.Level != test.level {
				t.Errorf("%v; want one of level %s", err, test.level)
			}
			mustBeFree(t, f.options.Dir)
		})
	}
}
