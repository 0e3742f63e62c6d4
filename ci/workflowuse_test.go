package ci

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/rhysd/actionlint"
)

// use does what an action does to the files and the outputs of a job. One that this
// test does not know fails it.
func (m *machine) use(action *actionlint.ExecAction, outputs map[string]any) error {
	m.t.Helper()
	name, _, _ := strings.Cut(action.Uses.Value, "@")
	m.run.used = append(m.run.used, name)
	with := func(input string) string {
		if found := action.Inputs[input]; found != nil {
			return strings.TrimSpace(m.text(found.Value.Value))
		}
		return ""
	}
	switch name {
	case "actions/setup-go", "actions/cache", "shivammathur/setup-php":
		return nil // this machine has what it has
	case "actions/checkout":
		return m.checkout(with("path"))
	case "actions/upload-artifact":
		return m.upload(with("name"), strings.Fields(with("path")), with("if-no-files-found"))
	case "actions/download-artifact":
		return m.download(with("name"), with("pattern"), with("path"))
	case "actions/attest":
		return m.attest(with("subject-checksums"), with("predicate-type"), with("predicate-path"))
	case "actions/create-github-app-token":
		if with("app-id") == "" || with("private-key") == "" {
			return fmt.Errorf("%s: no app-id or no private-key", name)
		}
		outputs["token"] = "token-of-app"
		return nil
	case "github/codeql-action/upload-sarif":
		return m.sarif(with("sarif_file"))
	}
	m.t.Fatalf("this test does not know the action %s", name)
	return nil
}

func (m *machine) checkout(path string) error {
	for name, content := range m.files {
		file := filepath.Join(m.workspace, path, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, []byte(content), 0o755); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(m.workspace, path, "go.mod"), []byte("module example.org/checkout\n"), 0o644)
}

// upload keeps files as an artifact: the content of a folder, or what a pattern finds.
func (m *machine) upload(name string, paths []string, ifNone string) error {
	to := filepath.Join(m.artifacts, name)
	if _, err := os.Stat(to); err == nil {
		return fmt.Errorf("there is an artifact %s already", name)
	}
	found := 0
	for _, path := range paths {
		matches, err := filepath.Glob(filepath.Join(m.workspace, path))
		if err != nil {
			return err
		}
		for _, match := range matches {
			info, err := os.Stat(match)
			if err != nil {
				return err
			}
			into := to
			if len(matches) > 1 || len(paths) > 1 {
				relative, _ := filepath.Rel(m.workspace, filepath.Dir(match))
				into = filepath.Join(to, relative)
				if info.IsDir() {
					into = filepath.Join(into, filepath.Base(match))
				}
			}
			if err := os.MkdirAll(into, 0o755); err != nil {
				return err
			}
			found++
			if info.IsDir() {
				err = os.CopyFS(into, os.DirFS(match))
			} else {
				err = copyFile(match, filepath.Join(into, filepath.Base(match)))
			}
			if err != nil {
				return err
			}
		}
	}
	if found == 0 && ifNone == "error" {
		return fmt.Errorf("artifact %s: no files were found in %s", name, strings.Join(paths, " "))
	}
	return nil
}

func copyFile(from, to string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o644)
}

func (m *machine) download(name, pattern, path string) error {
	to := filepath.Join(m.workspace, path)
	if name != "" {
		if _, err := os.Stat(filepath.Join(m.artifacts, name)); err != nil {
			return fmt.Errorf("artifact %s: %w", name, err)
		}
		return os.CopyFS(to, os.DirFS(filepath.Join(m.artifacts, name)))
	}
	matches, err := filepath.Glob(filepath.Join(m.artifacts, pattern))
	for _, match := range matches {
		if err == nil {
			err = os.CopyFS(filepath.Join(to, filepath.Base(match)), os.DirFS(match))
		}
	}
	return err
}

// checksumLine is one of a file that sha256sum writes.
var checksumLine = regexp.MustCompile(`^[0-9a-f]{64}  \S+$`)

// attest looks at what the action would sign.
func (m *machine) attest(sums, kind, predicate string) error {
	data, err := os.ReadFile(filepath.Join(m.workspace, sums))
	if err != nil {
		return err
	}
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	for _, line := range lines {
		if !checksumLine.MatchString(line) || len(lines) > 1024 {
			return fmt.Errorf("%s: %q is no checksum, or there are more than 1024", sums, line)
		}
	}
	if data, err = os.ReadFile(filepath.Join(m.workspace, predicate)); err != nil {
		return err
	}
	if !json.Valid(data) || !strings.HasPrefix(kind, "https://") {
		return fmt.Errorf("%s: no JSON, or %q is no type", predicate, kind)
	}
	m.run.said += fmt.Sprintf("\nattested %s of %d subjects\n", kind, len(lines))
	return nil
}

func (m *machine) sarif(file string) error {
	data, err := os.ReadFile(filepath.Join(m.workspace, file))
	if err != nil {
		return err
	}
	var log struct{ Version string }
	if err := json.Unmarshal(data, &log); err != nil || log.Version != "2.1.0" {
		return fmt.Errorf("%s: no SARIF 2.1.0: %w", file, err)
	}
	return nil
}
