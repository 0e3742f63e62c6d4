package publish

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// The layout of a published repository, beside stages.PackagesFile and
// stages.DistsDir.
const (
	nightsDir  = "nights"      // nights/<name>/: each a repository of that night alone
	metaDir    = "meta"        // meta/<digest>/: merged metadata, named by its content
	pageFile   = "index.html"  // for people
	statusFile = "status.json" // for monitors
	// mergedFile in a metadata folder says which nights were merged in it.
	mergedFile = "nights.json"
	tempDir    = ".publish"      // what a run has not put in its place yet
	lockFile   = ".publish.lock" // held while a run writes; never removed
)

// Folder is the folder that a target names: a path, or a file:// URL without
// host. Other kinds of targets are an error.
func Folder(to string) (string, error) {
	if to == "" {
		return "", errors.New("no target to publish to; give a folder, as ./repository")
	}
	if !strings.Contains(to, "://") {
		return filepath.Clean(to), nil
	}
	u, err := url.Parse(to)
	if err != nil {
		return "", fmt.Errorf("target to publish to: %w", err)
	}
	if u.Scheme != "file" || u.Host != "" && u.Host != "localhost" || u.Path == "" || u.RawQuery != "" || u.Fragment != "" {
		return "", fmt.Errorf("cannot publish to %s; give a folder, as ./repository or file:///srv/repository", u.Redacted())
	}
	return filepath.FromSlash(u.Path), nil
}

// Nights lists the nights in a target's folder, newest first: those that the
// repository resolves and those that it still holds for a grace period. A target
// that does not exist has none.
func Nights(ctx context.Context, to string) ([]string, error) {
	dir, err := Folder(to)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return listNights(dir)
}

func listNights(dir string) ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(dir, nightsDir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list the nights of a repository: %w", err)
	}
	nights := []string{}
	for _, e := range entries {
		if e.IsDir() && isNight(e.Name()) {
			nights = append(nights, e.Name())
		}
	}
	slices.SortFunc(nights, newestFirst)
	return nights, nil
}

var nightName = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}(\.[1-9]\d{0,5})?$`)

// isNight reports whether a name can be a night's: see releases.Plan.Night.
func isNight(name string) bool { return nightName.MatchString(name) }

// newestFirst orders names of nights: by their date, then by their number.
func newestFirst(a, b string) int {
	dateA, numberA := splitNight(a)
	dateB, numberB := splitNight(b)
	return cmp.Or(cmp.Compare(dateB, dateA), cmp.Compare(numberB, numberA))
}

func splitNight(name string) (date string, number int) {
	date, n, found := strings.Cut(name, ".")
	if found {
		number, _ = strconv.Atoi(n) // digits: isNight
	}
	return date, number
}
