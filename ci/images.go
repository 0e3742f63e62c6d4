package ci

import (
	"fmt"
	"maps"
	"strings"

	"github.com/mage-os/nightly/releases"
)

// images are what is run in containers, by what a matrix calls it; see
// releases.Install.
type images map[string]string

// anyPHP is the key of the image with a PHP of whatever version.
const anyPHP = "php"

// The keys of images that every cell gets, if they are named.
const (
	cacheImage = "cache"
	queueImage = "queue"
)

// imagesOf are a line's images, with those of the flags in their place.
func (f runnerFlags) imagesOf(line *releases.Line) (images, error) {
	m := images{}
	maps.Copy(m, line.Install.Images)
	if f.image != "" {
		m[anyPHP] = f.image
	}
	for _, pair := range f.images {
		name, image, ok := strings.Cut(pair, "=")
		if !ok || name == "" || image != releases.StandInSearch && !releases.IsImageReference(image) {
			return nil, &usageError{fmt.Errorf("--image %s: want NAME=IMAGE, such as php:8.3=REFERENCE@sha256:…, mariadb:10.6=file:///IMAGE.tar", pair)}
		}
		m[name] = image
	}
	return m, nil
}

// hasPHP reports whether there is an image with any PHP, without which nothing is
// installed in a container.
func (m images) hasPHP() bool {
	for name := range m {
		if name == anyPHP || strings.HasPrefix(name, anyPHP+":") {
			return true
		}
	}
	return false
}

// php is the image for a version of PHP, and whether it was named for that one.
func (m images) php(version string) (image string, named bool) {
	if image, ok := m[anyPHP+":"+version]; ok {
		return image, true
	}
	return m[anyPHP], false
}

// of is the image of a service, which a matrix names.
func (m images) of(name string) string {
	short, _, _ := strings.Cut(name, "@")
	for _, key := range []string{name, short} {
		if image, ok := m[key]; ok {
			return image
		}
	}
	return name
}
