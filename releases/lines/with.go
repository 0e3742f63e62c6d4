package lines

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/mage-os/nightly/pipeline/files"
	"github.com/mage-os/nightly/pipeline/remote"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/config"
)

// With replaces the source of one repository: NAME=FOLDER takes the working tree of a
// clone as it lies there, NAME=URL#REF a branch or tag elsewhere, and OWNER/REPOSITORY#NUMBER,
// or its page, a pull request at GitHub. The repository is Local from then on. Of a bare clone,
// and in a line that builds tags, commits count. The error is a *config.Error.
func With(l *releases.Line, override string) error {
	if pull := pullRequest.FindStringSubmatch(override); pull != nil && pull[4] == "" {
		return withPull(l, override, cmp.Or(pull[1], gitHub)+pull[2], pull[3])
	}
	name, source, ok := strings.Cut(override, "=")
	if !ok || name == "" || source == "" {
		return config.Errorf("--with %s: want NAME=FOLDER, NAME=URL#REF or a pull request, such as OWNER/REPOSITORY#123", remote.Redacted(override))
	}
	shown := name + "=" + remote.Redacted(source)
	for i := range l.Repositories {
		r := &l.Repositories[i]
		if r.Name != name {
			continue
		}
		if r.Local {
			return config.Errorf("--with %s: it was replaced already, by %s", shown, r.URL)
		}
		address, ref, folder, err := locate(source)
		if err != nil {
			return config.Errorf("--with %s: %w", shown, err)
		}
		r.URL, r.Ref, r.Local = address, ref, true
		if !l.BuildsTags() {
			r.Folder = folder
		}
		return nil
	}
	var names []string
	for _, r := range l.Repositories {
		names = append(names, r.Name)
	}
	return config.Errorf("--with %s: line %s has no repository of that name; it has %s", shown, l.Name, strings.Join(names, ", "))
}

// withPull takes a pull request as GitHub merges it with its branch.
func withPull(l *releases.Line, override, page, number string) error {
	r, err := atPage(l, "--with "+override, page)
	if err != nil {
		return err
	}
	if r.Local {
		return config.Errorf("--with %s: %s was replaced already, by %s of %s; mageos-nightly try takes several pull requests of one repository", override, r.Name, r.Ref, r.URL)
	}
	r.Ref, r.Local = "refs/pull/"+number+"/merge", true
	return nil
}

// locate finds URL and ref of a source that With is given, and the folder of its working
// tree.
func locate(source string) (address, ref, folder string, err error) {
	if !strings.Contains(source, "://") && !strings.HasPrefix(source, "embedded:") && !config.IsShortSSH(source) {
		return clone(source)
	}
	address, ref, _ = strings.Cut(source, "#")
	if err := config.CheckGitURL(address); err != nil {
		return "", "", "", fmt.Errorf("URL: %w", err)
	}
	if ref == "" {
		return "", "", "", fmt.Errorf("%s names no branch or tag; write one behind it, as in %s#main", address, address)
	}
	if err := config.CheckRef(ref); err != nil {
		return "", "", "", fmt.Errorf("ref: %w", err)
	}
	return address, ref, "", nil
}

// clone finds URL and branch of a clone on this machine, and its working tree.
func clone(folder string) (address, branch, tree string, err error) {
	folder, err = filepath.Abs(folder)
	if err != nil {
		return "", "", "", err
	}
	gitDir, err := gitFolder(folder)
	if err != nil {
		return "", "", "", err
	}
	head, err := readSmall(filepath.Join(gitDir, "HEAD"))
	if err != nil {
		return "", "", "", fmt.Errorf("read the branch of %s: %w", folder, err)
	}
	branch, ok := strings.CutPrefix(head, "ref: refs/heads/")
	if !ok {
		return "", "", "", fmt.Errorf("%s: no branch is checked out there (HEAD is %.60q); check one out with git switch, or git switch -c NAME", folder, head)
	}
	if err := config.CheckRef(branch); err != nil {
		return "", "", "", fmt.Errorf("branch of %s: %w", folder, err)
	}
	if gitDir != folder {
		tree = folder
	}
	folder, err = mainRepository(folder, gitDir)
	if err != nil {
		return "", "", "", err
	}
	address = (&url.URL{Scheme: "file", Path: filepath.ToSlash(folder)}).String()
	return address, branch, tree, nil
}

// mainRepository is the folder to fetch from: of a linked worktree the
// repository that it belongs to, since not every program can fetch from a
// worktree, and of a submodule the folder where git keeps it.
func mainRepository(folder, gitDir string) (string, error) {
	if gitDir == folder || gitDir == filepath.Join(folder, ".git") {
		return folder, nil
	}
	common, err := readSmall(filepath.Join(gitDir, "commondir"))
	if errors.Is(err, fs.ErrNotExist) {
		return filepath.Clean(gitDir), nil
	}
	if err != nil {
		return "", err
	}
	if !filepath.IsAbs(common) {
		common = filepath.Join(gitDir, common)
	}
	if filepath.Base(common) == ".git" {
		return filepath.Dir(common), nil
	}
	return common, nil
}

// gitFolder is where git keeps its files for a clone: in .git, in the folder
// that a .git file names (a worktree or submodule), or in the folder itself (a
// bare repository).
func gitFolder(folder string) (string, error) {
	dot := filepath.Join(folder, ".git")
	info, err := os.Stat(dot)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if objects, err := os.Stat(filepath.Join(folder, "objects")); err == nil && objects.IsDir() {
			return folder, nil
		}
		if _, err := os.Stat(folder); err != nil {
			return "", fmt.Errorf("%w; a URL would have a scheme and a ref, as in https://github.com/owner/name.git#main", err)
		}
		return "", fmt.Errorf("%s is no git repository: it has no .git; name the root of a clone", folder)
	case err != nil:
		return "", err
	case info.IsDir():
		return dot, nil
	}
	text, err := readSmall(dot)
	if err != nil {
		return "", err
	}
	dir, ok := strings.CutPrefix(text, "gitdir: ")
	if !ok {
		return "", fmt.Errorf("%s is no file of git: it names no gitdir", dot)
	}
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(folder, dir)
	}
	return dir, nil
}

// readSmall reads a file of one line.
func readSmall(name string) (string, error) {
	data, err := files.Read(name, 4096)
	return strings.TrimSpace(string(data)), err
}
