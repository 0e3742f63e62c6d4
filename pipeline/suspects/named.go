package suspects

import (
	"bytes"
	"regexp"
	"strings"

	"github.com/mage-os/nightly/releases"
)

var (
	filePath    = regexp.MustCompile(`[A-Za-z0-9_.@~-]*(?:/[A-Za-z0-9_.@~-]+)+`)
	packageName = regexp.MustCompile(`\b[a-z0-9][a-z0-9_.-]*/[a-z0-9][a-z0-9_.-]*[a-z0-9]`)
	quoted      = regexp.MustCompile("[`'\"]([A-Za-z][A-Za-z0-9_]{3,})[`'\"]")
	className   = regexp.MustCompile(`[A-Z][A-Za-z0-9_]*(?:\\{1,2}[A-Z][A-Za-z0-9_]*)+`)
)

// The bounds of the words that are looked for: a short one without an underscore says nothing.
const (
	maxWords = 50
	longWord = 10
)

// filesIn are the paths of files that a failure names, each from any of its folders on, so that one of a repository is
// found whatever is before it; those of classes are the paths that PSR-4 gives them.
func filesIn(failure string, packages []releases.ManifestPackage) map[string]bool {
	named := map[string]bool{}
	dirs := map[string]string{}
	for _, p := range packages {
		dirs[p.Name] = p.Directory
	}
	for _, path := range filePath.FindAllString(failure, -1) {
		addEnds(named, path, 2)
		if _, installed, ok := strings.Cut(path, "vendor/"); ok {
			if parts := strings.SplitN(installed, "/", 3); len(parts) == 3 {
				if dir := dirs[parts[0]+"/"+parts[1]]; dir == "." {
					named[parts[2]] = true
				} else if dir != "" {
					named[dir+"/"+parts[2]] = true
				}
			}
		}
	}
	for _, class := range className.FindAllString(failure, -1) {
		path := strings.ReplaceAll(strings.ReplaceAll(class, `\\`, `\`), `\`, "/") + ".php"
		for _, root := range []string{"app/code/", "lib/internal/"} { // of Magento
			named[root+path] = true
		}
		addEnds(named, path, 3)
	}
	return named
}

// wordsOf finds the first of the words that a failure quotes in a file; each file is read once.
func wordsOf(failure string, read func(repository, path string) []byte) func(repository, path string) string {
	var words [][]byte
	for _, found := range quoted.FindAllStringSubmatch(failure, maxWords) {
		if word := found[1]; len(word) >= longWord || strings.Contains(word, "_") {
			words = append(words, []byte(word))
		}
	}
	found := map[string]string{}
	return func(repository, path string) string {
		if read == nil || len(words) == 0 {
			return ""
		}
		name := repository + ":" + path
		if word, known := found[name]; known {
			return word
		}
		content := read(repository, path)
		found[name] = ""
		for _, word := range words {
			if bytes.Contains(content, word) {
				found[name] = string(word)
				break
			}
		}
		return found[name]
	}
}

// maxNames is how many names a path of a repository has at most.
const maxNames = 40

// addEnds adds a path from each of its folders on that leaves so many names.
func addEnds(named map[string]bool, path string, least int) {
	if strings.Count(path, "/") >= maxNames {
		return
	}
	for n := strings.Count(path, "/") + 1; n >= least; n-- {
		named[path] = true
		_, path, _ = strings.Cut(path, "/")
	}
}
