package nightly

import (
	"cmp"
	"maps"
	"strings"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/config"
)

// Images are what is run in containers, by what a matrix calls it; see
// releases.Install.
type Images map[string]string

// The keys of images that belong to no service of a matrix.
const (
	anyPHP     = "php" // with a PHP of whatever version
	cacheImage = "cache"
	queueImage = "queue"
)

// ImagesOf are a line's images, with others in their place: php is an image with any PHP
// or empty, and each pair a NAME=IMAGE.
func ImagesOf(line *releases.Line, php string, pairs []string) (Images, error) {
	m := Images{}
	maps.Copy(m, line.Install.Images)
	if php != "" {
		m[anyPHP] = php
	}
	for _, pair := range pairs {
		name, image, ok := strings.Cut(pair, "=")
		if !ok || name == "" || image != releases.StandInSearch && !releases.IsImageReference(image) {
			return nil, config.Errorf("--image %s: want NAME=IMAGE, such as php:8.3=REFERENCE@sha256:…, mariadb:10.6=file:///IMAGE.tar", pair)
		}
		m[name] = image
	}
	return m, nil
}

// HasPHP reports whether there is an image with any PHP, without which nothing is
// installed in a container.
func (m Images) HasPHP() bool {
	for name := range m {
		if name == anyPHP || strings.HasPrefix(name, anyPHP+":") {
			return true
		}
	}
	return false
}

// php is the image for a version of PHP, and whether it was named for that one.
func (m Images) php(version string) (image string, named bool) {
	if image, ok := m[anyPHP+":"+version]; ok {
		return image, true
	}
	return m[anyPHP], false
}

// of is the image of a service, which a matrix names.
func (m Images) of(name string) string {
	short, _, _ := strings.Cut(name, "@")
	return cmp.Or(m[name], m[short], name)
}
