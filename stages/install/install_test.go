package install

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
)

func TestInstall(t *testing.T) {
	needTools(t)
	t.Parallel()
	f := newFixture(t, tiny())
	var told []string
	f.options.Progress = func(s pipeline.Step) { told = append(told, s.Item+": "+s.Detail) }
	got, err := Stage(f.options).Run(t.Context(), f.candidate)
	if err != nil {
		t.Fatal(err)
	}
	want := stages.Installation{
		Snapshot: "2026-11-24", Level: releases.Installed, Tools: f.candidate.Tools,
		Proven: []stages.Proof{
			{Step: "create-project", Detail: "tiny-os/project-community-edition " + version},
			{Step: "resolve", Detail: "3 packages"},
			{Step: "extension", Detail: "an extension that requires 1 upstream packages, upstream/module-greeting and the like, resolves"},
			{Step: "install", Detail: "3 packages"},
			{Step: "origin", Detail: "2 packages are this snapshot's, from its folder"},
			{Step: "files", Detail: "what packages load at every request is there, and every base file is deployed"},
			{Step: "syntax", Detail: "PHP 8 reads 1 files of ours"},
			{Step: "platform", Detail: "PHP 8 and its extensions suffice for every package"},
			{Step: "validate", Detail: "the project's composer.json is valid"},
			{Step: "run", Detail: "pub/index.php"},
			{Step: "expect", Detail: "Hello from a module"},
			{Step: "nothing left", Detail: "no process, socket or mount of the installation is left"},
		},
		NotProven: []stages.Proof{
			{Step: "audit", Detail: "none of the line's Composer repositories has security advisories; packagist.org has"},
		},
		Packages: []stages.InstalledPackage{
			{Name: "acme/text", Version: "1.2.0", License: []string{"BSD-3-Clause"}},
			{Name: greeter, Version: version, Ours: true},
			{Name: "tiny-os/product-community-edition", Version: version, Ours: true},
		},
	}
	measured := cmpopts.IgnoreFields(stages.Installation{}, "Steps", "Notices", "Report")
	if diff := cmp.Diff(want, got, measured); diff != "" {
		t.Errorf("installation (-want +got):\n%s", diff)
	}
	if want := "install: 3 of 3 packages: "; !slices.ContainsFunc(told, func(line string) bool { return strings.HasPrefix(line, want) }) {
		t.Errorf("progress told of %q, not of %s", told, want)
	}
	if _, err := Stage(f.options).Run(t.Context(), f.candidate); err != nil {
		t.Errorf("a second time in the same folder: %v", err)
	}
}

// TestUntouched: what nothing requires is published all the same, and so told.
func TestUntouched(t *testing.T) {
	needTools(t)
	t.Parallel()
	sources := tiny()
	sources["tiny-os/alone"] = &source{manifest: `{"name":"tiny-os/alone","version":"` + version + `","type":"metapackage"}`}
	f := newFixture(t, sources)
	got, err := Stage(f.options).Run(t.Context(), f.candidate)
	want := stages.Proof{Step: "packages", Detail: "1 of the snapshot were not installed: tiny-os/alone"}
	if err != nil || !slices.Contains(got.NotProven, want) {
		t.Errorf("%+v, %v", got.NotProven, err)
	}
}

// withoutChecksums takes the checksums out of the third-party repository, as many have none.
func withoutChecksums(t *testing.T, f *fixture) {
	t.Helper()
	dir, err := f.options.Locate("embedded:third-party")
	if err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(dir, func(file string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(file) != ".json" {
			return err
		}
		text := regexp.MustCompile(`"shasum": *"[^"]*"`).ReplaceAll(readFile(t, file), []byte(`"shasum":""`))
		return os.WriteFile(file, text, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestComposerCache: package code may write to Composer's cache, which is that of its own
// installation alone: the next one gets what it installs from where it comes.
func TestComposerCache(t *testing.T) {
	needTools(t)
	t.Parallel()
	sources := tiny()
	sources["tiny-os/project-community-edition"].files["pub/index.php"] += `
		foreach (glob(getenv('COMPOSER_CACHE_DIR') . '/files/*/*/*.zip') as $file) {
			$zip = new ZipArchive();
			echo $zip->open($file) && $zip->addFromString('forged.php', '<?php') && $zip->close() ? 'forged ' : 'not forged ';
		}`
	f := newFixture(t, sources)
	f.candidate.Install.Expect = append(f.candidate.Install.Expect, "forged ")
	withoutChecksums(t, f)
	for range 2 {
		if _, err := Stage(f.options).Run(t.Context(), f.candidate); err != nil {
			t.Fatal(err)
		}
		if found, err := filepath.Glob(filepath.Join(f.options.Dir, "shop", "vendor", "*", "*", "forged.php")); err != nil || len(found) > 0 {
			t.Errorf("installed: %q, %v", found, err)
		}
	}
}

func TestInstallFails(t *testing.T) {
	needTools(t)
	tests := map[string]struct {
		change func(t *testing.T, sources map[string]*source)
		expect []string // texts of the error
	}{
		"a package comes from elsewhere": {
			change: func(t *testing.T, sources map[string]*source) {
				sources["tiny-os/project-community-edition"].manifest = strings.Replace(
					sources["tiny-os/project-community-edition"].manifest, `"repositories":[`,
					`"repositories":[{"type":"composer","url":"`+elsewhere(t)+`"},`, 1)
			},
			expect: []string{"composer.lock: " + greeter, "installed.json: " + greeter, "it comes from file://"},
		},
		"the snapshot does not serve a package": {
			change: func(_ *testing.T, sources map[string]*source) { sources[greeter].unlisted = true },
			expect: []string{
				"level resolve: resolve: ", "exit status 2", "Your requirements could not be resolved",
				greeter, "could not be found", "2-resolve.log", "reproduce.sh",
			},
		},
		"a require is not met": {
			change: func(_ *testing.T, sources map[string]*source) {
				sources[greeter].manifest = strings.Replace(sources[greeter].manifest, "^1.0", "^7.0", 1)
			},
			expect: []string{"Problem 1", "requires acme/text ^7.0 -> found acme/text[1.2.0] but it does not match"},
		},
		"the shasum in the metadata is wrong": {
			change: func(_ *testing.T, sources map[string]*source) {
				sources[greeter].shasum = func(string) string { return strings.Repeat("0", 40) }
			},
			expect: []string{"install: ", "checksum verification of the file failed"},
		},
		"the metadata has no shasum": {
			change: func(_ *testing.T, sources map[string]*source) {
				sources[greeter].shasum = func(string) string { return "" }
			},
			expect: []string{`composer.lock: ` + greeter, `its shasum is "", but the snapshot's dists/` + greeter},
		},
		"the project does not name the public repository": {
			change: func(_ *testing.T, sources map[string]*source) {
				project := sources["tiny-os/project-community-edition"]
				project.manifest = strings.Replace(project.manifest, public, "https://example.org/", 1)
			},
			expect: []string{"does not name the repository " + public},
		},
		"the script prints something else": {
			change: func(_ *testing.T, sources map[string]*source) {
				sources["tiny-os/project-community-edition"].files["pub/index.php"] = "Good evening"
			},
			expect: []string{`no script printed "Hello from a module"`, "    Good evening", "pub/index.php"},
		},
		"the script fails": {
			change: func(_ *testing.T, sources map[string]*source) {
				sources["tiny-os/project-community-edition"].files["pub/index.php"] = "Hello from a module<?php no_such_function();"
			},
			expect: []string{"run pub/index.php: ", "exit status 255", "undefined function no_such_function()", "-run-pub-index.php.log"},
		},
		"there is no such script": {
			change: func(_ *testing.T, sources map[string]*source) {
				delete(sources["tiny-os/project-community-edition"].files, "pub/index.php")
			},
			expect: []string{"the installed project has no file pub/index.php"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sources := tiny()
			test.change(t, sources)
			f := newFixture(t, sources)
			_, err := Stage(f.options).Run(t.Context(), f.candidate)
			if err == nil {
				t.Fatal("it was installed")
			}
			for _, text := range test.expect {
				if !strings.Contains(err.Error(), text) {
					t.Errorf("the error does not say %q:\n%v", text, err)
				}
			}
			var machine *MachineError
			if errors.As(err, &machine) {
				t.Errorf("the machine is blamed: %v", err)
			}
		})
	}
}

// elsewhere is a Composer repository that has the same packages as the snapshot.
func elsewhere(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	src := tiny()[greeter]
	archive := zipOf(t, src)
	file := filepath.Join(dir, "greeting.zip")
	index := strings.TrimSuffix(src.manifest, "}") + `,"dist":{"type":"zip","url":"file://` + file + `","shasum":"` + src.sum(archive) + `"}}`
	index = `{"packages":{"` + greeter + `":{"` + version + `":` + index + `}}}`
	for name, data := range map[string][]byte{file: archive, filepath.Join(dir, "packages.json"): []byte(index)} {
		if err := os.WriteFile(name, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return "file://" + dir
}

// The error's command has to show the failure again, when our server is gone.
func TestReproduce(t *testing.T) {
	needTools(t)
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skipf("needs sh: %v", err)
	}
	t.Parallel()
	sources := tiny()
	sources[greeter].manifest = strings.Replace(sources[greeter].manifest, "^1.0", "^7.0", 1)
	f := newFixture(t, sources)
	_, err := Stage(f.options).Run(t.Context(), f.candidate)
	var failed *stepError
	if !errors.As(err, &failed) {
		t.Fatalf("got %v, want a failed step", err)
	}
	out, err := exec.Command("sh", "-c", failed.reproduce).CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != failed.exit {
		t.Errorf("%s: %v, want exit status %d", failed.reproduce, err, failed.exit)
	}
	if text := "requires acme/text ^7.0"; !strings.Contains(string(out), text) {
		t.Errorf("%s does not say %q:\n%s", failed.reproduce, text, out)
	}
}

func TestCancel(t *testing.T) {
	needTools(t)
	t.Parallel()
	f := newFixture(t, tiny())
	asked := make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(asked)
		<-r.Context().Done() // until Composer is gone
	}))
	defer slow.Close()
	f.candidate.Composer = []releases.ComposerRepository{{URL: slow.URL}}
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-asked
		cancel()
	}()
	_, err := Stage(f.options).Run(ctx, f.candidate)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want that it was cancelled", err)
	}
	mustBeFree(t, f.options.Dir)
}

// A script may leave something in the background; it may not outlive the stage.
func TestBackground(t *testing.T) {
	needTools(t)
	t.Parallel()
	sources := tiny()
	sources["tiny-os/project-community-edition"].files["pub/index.php"] = `<?php
		exec('sleep 600 > /dev/null 2>&1 &');
		echo 'Hello from a module';`
	f := newFixture(t, sources)
	if _, err := Stage(f.options).Run(t.Context(), f.candidate); err != nil {
		t.Error(err)
	}
	mustBeFree(t, f.options.Dir)
}

// mustBeFree fails if a process still holds the lock of a work folder, which all
// that are started get.
func mustBeFree(t *testing.T, dir string) {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, marker))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	ctx, cancel := context.WithCancel(t.Context())
	busy := func() error { cancel(); return nil }
	if err := lock(ctx, f, busy); err != nil {
		t.Errorf("a process is left: %v", err)
	}
}

func TestEnvironment(t *testing.T) {
	needTools(t)
	t.Parallel()
	sources := tiny()
	sources["tiny-os/project-community-edition"].files["pub/index.php"] = `<?php echo implode("\n", array_keys(getenv())), "\n", session_save_path() === getenv("TMPDIR") ? "own-sessions" : "sessions";`
	f := newFixture(t, sources)
	f.candidate.Install.Expect = nil
	f.options.Environ = []string{"PATH=/usr/local/bin:/usr/bin:/bin", "COMPOSER_AUTH={}", "GITHUB_TOKEN=secret", "LC_ALL=tr_TR"}
	if _, err := Stage(f.options).Run(t.Context(), f.candidate); err != nil {
		t.Fatal(err)
	}
	got := strings.Fields(string(readFile(t, logOf(t, f, "run-pub-index.php"))))
	slices.Sort(got)
	want := []string{
		"COMPOSER_ALLOW_SUPERUSER", "COMPOSER_CACHE_DIR", "COMPOSER_HOME", "COMPOSER_NO_INTERACTION",
		"HOME", "LANG", "PATH", "PHP_INI_SCAN_DIR", "TMPDIR", "TZ", "own-sessions",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("names of the environment (-want +got):\n%s", diff)
	}
}

func TestThirdPartyNotReachable(t *testing.T) {
	needTools(t)
	t.Parallel()
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	f := newFixture(t, tiny())
	f.candidate.Composer = []releases.ComposerRepository{{URL: gone.URL}}
	_, err := Stage(f.options).Run(t.Context(), f.candidate)
	var source *releases.SourceError
	if !errors.As(err, &source) {
		t.Fatalf("got %v, want a source that cannot be reached", err)
	}
	if want := gone.URL + "/packages.json"; source.URL != want {
		t.Errorf("got %s, want %s", source.URL, want)
	}
}

func TestPlainHTTPIsRefused(t *testing.T) {
	needTools(t)
	f := newFixture(t, tiny())
	f.candidate.Composer = []releases.ComposerRepository{{URL: "http://packages.example.org/"}}
	_, err := Stage(f.options).Run(t.Context(), f.candidate)
	if err == nil || !strings.Contains(err.Error(), "http://packages.example.org/: plain HTTP") {
		t.Errorf("got %v, want that plain HTTP is refused", err)
	}
}

func TestToolsAreMissing(t *testing.T) {
	f := newFixture(t, tiny())
	f.options.Programs.PHP = filepath.Join(t.TempDir(), "php")
	_, err := Stage(f.options).Run(t.Context(), f.candidate)
	var machine *MachineError
	if !errors.As(err, &machine) || !strings.Contains(err.Error(), f.options.Programs.PHP) || !strings.Contains(err.Error(), "apt install") {
		t.Errorf("got %v, want a MachineError that says what to install", err)
	}
}

func TestTools(t *testing.T) {
	needTools(t)
	got, err := Tools(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range []string{"php", "composer"} {
		if len(got) != 2 || got[i].Name != name || !regexp.MustCompile(`^\d+\.\d+`).MatchString(got[i].Version) {
			t.Errorf("got %v, want a version of %s", got, name)
		}
	}
}

// logOf is the log of a step.
func logOf(t *testing.T, f *fixture, step string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(f.options.Dir, "logs", "*-"+step+".log"))
	if err != nil || len(found) != 1 {
		t.Fatalf("logs of %s: %q, %v", step, found, err)
	}
	return found[0]
}
