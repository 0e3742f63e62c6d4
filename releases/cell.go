package releases

import "strings"

// A Cell is one combination of a line's matrix: what a night is proven with.
type Cell struct {
	// PHP is a version of two parts; empty: whatever the runner has.
	PHP string `json:"php"`
	// Database is an image, or empty: the runner's own MariaDB, or the one whose
	// address it was given.
	Database string `json:"database"`
	// Search is an image, NoSearch, StandInSearch, or GivenSearch.
	Search string `json:"search"`
}

// GivenSearch is the search of a cell whose address the runner was given.
const GivenSearch = "given"

// Name is short and can be the name of a file or of a job: php8.3-mariadb10.6-none.
func (c Cell) Name() string {
	parts := []string{}
	if c.PHP != "" {
		parts = append(parts, "php"+c.PHP)
	}
	for _, image := range []string{c.Database, c.Search} {
		if name := imageName(image); name != "" {
			parts = append(parts, name)
		}
	}
	return strings.Join(parts, "-")
}

// imageName is the name of an image for people: mariadb10.6.
func imageName(image string) string {
	image, _, _ = strings.Cut(image, "@")
	image = image[strings.LastIndex(image, "/")+1:]
	return strings.Replace(image, ":", "", 1)
}

// IsImage reports whether a cell's Search names a service of its own.
func IsImage(search string) bool {
	return search != "" && search != NoSearch && search != StandInSearch && search != GivenSearch
}
