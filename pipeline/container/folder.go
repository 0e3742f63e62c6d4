package container

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// A Folder is a folder of this machine that is mounted at the same path.
type Folder struct {
	Path    string   `json:"path"`
	Exclude []string `json:"exclude"`
	// Files are put into the folder, by name.
	Files map[string]string `json:"files"`
}

// gitExclude are what of a git folder nobody needs who reads commits, and what
// may hold secrets: the configuration has tokens on machines of GitHub Actions.
var gitExclude = []string{"config", "config.worktree", "credentials", "hooks", "index", "logs", "*_HEAD", "**/*.lock", "COMMIT_EDITMSG", "lfs/tmp", "lfs/logs", "lfs/cache", "modules", "worktrees", "incoming-*"}

// gitConfig stands in for the configuration, without which a folder is no
// repository.
const gitConfig = "[core]\n\trepositoryformatversion = 0\n"

// maxBorrowed is how deep git follows repositories that borrow objects.
const maxBorrowed = 5

// Repository gives what is to be mounted of a git repository on this machine:
// its objects and refs, and those that it borrows, but not its work tree.
func Repository(dir string) ([]Folder, error) {
	if !filepath.IsAbs(dir) {
		return nil, fmt.Errorf("repository %s: containers need the whole path", dir)
	}
	gitDir := filepath.Join(dir, ".git")
	info, err := os.Stat(gitDir)
	switch {
	case err != nil:
		gitDir = dir // a bare one
	case !info.IsDir():
		return nil, fmt.Errorf("repository %s is a linked work tree: name the repository that it belongs to, or run with --runner process", dir)
	}
	if _, err := os.Stat(filepath.Join(gitDir, "objects")); err != nil {
		return nil, fmt.Errorf("repository %s is no git repository: %w", dir, err)
	}
	folders := []Folder{{Path: gitDir, Exclude: gitExclude, Files: map[string]string{"config": gitConfig}}}
	return borrowed(folders, filepath.Join(gitDir, "objects"), 0)
}

// borrowed adds the folders of objects that the list of alternates names.
func borrowed(folders []Folder, objects string, depth int) ([]Folder, error) {
	list, err := os.ReadFile(filepath.Join(objects, "info", "alternates"))
	if err != nil || depth == maxBorrowed {
		return folders, nil // there are none
	}
	for line := range strings.Lines(string(list)) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		if !filepath.IsAbs(line) {
			line = filepath.Join(objects, line)
		}
		if _, err := os.Stat(line); err != nil {
			return nil, fmt.Errorf("repository %s borrows objects: %w", objects, err)
		}
		folders = append(folders, Folder{Path: line})
		if folders, err = borrowed(folders, line, depth+1); err != nil {
			return nil, err
		}
	}
	return folders, nil
}
