package nightly

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/config"
	"github.com/mage-os/nightly/releases/images"
	"github.com/mage-os/nightly/stages"
)

// Images are what is run in containers, by what a matrix calls it; see
// releases.Install.
type Images map[string]string

// The keys of images that belong to no service of a matrix.
const (
	anyPHP     = "php" // with a PHP of whatever version
	cacheImage = "cache"
	queueImage = "queue"
	noImage    = "none" // in place of a cache's or a queue's: there is to be none
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

// beside is the image of a service that runs beside every cell: the named one, or the newest
// of those that are supported. noImage, or none that is supported, is empty.
func (m Images) beside(name string, supported []string) string {
	if len(supported) > 0 {
		supported = supported[len(supported)-1:]
	}
	image := cmp.Or(m[name], strings.Join(supported, ""))
	if image == noImage {
		return ""
	}
	return image
}

// unused refuses images that no cell has a place for; but for the line's, which can have more.
func (m Images) unused(ofLine map[string]string, cells []releases.Cell) error {
	used := []string{cacheImage, queueImage, anyPHP}
	for _, c := range cells {
		for _, name := range []string{anyPHP + ":" + c.PHP, c.Database, c.Search} {
			short, _, _ := strings.Cut(name, "@")
			used = append(used, name, short)
		}
	}
	slices.Sort(used)
	used = slices.DeleteFunc(slices.Compact(used), func(name string) bool { return name == "" || name == releases.NoSearch })
	for _, name := range slices.Sorted(maps.Keys(m)) {
		if ofLine[name] != m[name] && !slices.Contains(used, name) {
			return config.Errorf("--image %s=%s: the matrix has nothing of that name; it has %s", name, m[name], strings.Join(used, ", "))
		}
	}
	return nil
}

// pin gives an image by digest: the known one, or the one that its tag has now. What is neither
// a registry's nor a tag stays.
func pin(ctx context.Context, e images.Resolver, t *images.Table, name, reference string) (stages.Image, error) {
	made := stages.Image{Name: name, Reference: reference, Unpinned: true}
	switch pinned, known := t.Pin(reference); {
	case releases.IsRecipe(reference):
		return made, nil // apt-get installs the packages of the day
	case strings.HasPrefix(reference, "file://"):
		if info, err := os.Stat(strings.TrimPrefix(reference, "file://")); err == nil { // else the engine says so
			made.File = fmt.Sprintf("%d bytes of %s", info.Size(), info.ModTime().UTC().Format(time.RFC3339Nano))
		}
		return made, nil
	case known || reference == releases.StandInSearch:
		return stages.Image{Name: name, Reference: pinned}, nil
	}
	var err error
	made.Reference, err = e.Resolve(ctx, reference)
	return made, err
}

// phpImage is the image of a version of PHP of the table, with one of Composer if it matters: the
// published one if its digest is known, else the recipe of one; empty: there is none.
func phpImage(ctx context.Context, e images.Resolver, t *images.Table, version, composer string) (string, error) {
	if t.Special(composer) {
		return recipeOf(ctx, e, t, version, composer)
	}
	if reference, known := t.Pin(t.PublishedPHP(version)); known {
		return reference, nil
	}
	return recipeOf(ctx, e, t, version, t.Services.Composer())
}

// recipeOf is the recipe of an image with a version of PHP; empty: there is none.
func recipeOf(ctx context.Context, e images.Resolver, t *images.Table, version, composer string) (string, error) {
	recipe, ok := t.Recipe(version)
	if !ok {
		return "", nil
	}
	base, err := pin(ctx, e, t, "", recipe.Base)
	if err != nil {
		return "", err
	}
	return t.Dockerfile(recipe, base.Reference, composer)
}

// Like lets a proof be made with the cell, the level and the very images of another one, which
// somebody else may have written: an image is run as root, so that it has to be one of the
// table's, or of o.Images. One that is neither is a *config.Error.
func (o *ProveOptions) Like(i *stages.Installation) error {
	if len(i.Images) == 0 {
		return config.Errorf("%s was not proven in containers, or by an older program: it names no images", i.Snapshot)
	}
	o.Cell, o.Level = i.Cell.Name(), cmp.Or(o.Level, i.Level)
	if i.Cell.Search != "" && !releases.IsImage(i.Cell.Search) {
		o.Search = i.Cell.Search
	}
	like := Images{cacheImage: noImage, queueImage: noImage}
	var errs []error
	for _, image := range i.Images {
		own := o.Images[image.Name]
		if version, ok := strings.CutPrefix(image.Name, anyPHP+":"); ok {
			own, _ = o.Images.php(version)
		}
		switch named := own != "" && (image.Reference == own || strings.HasPrefix(image.Reference, own+"@")); {
		case named, o.Table.Knows(image.Reference):
			like[image.Name] = image.Reference
		case releases.IsRecipe(image.Reference):
			errs = append(errs, fmt.Errorf("it made %s by a recipe that is not this program's, %s; leave out --like, or prove with the program that made it", image.Name, image.Title()))
		default:
			errs = append(errs, fmt.Errorf("it ran %s as %s, which is no image of this program's table; if you trust who made that, add --image %[2]s=%[1]s", image.Reference, image.Name))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return &config.Error{Err: err}
	}
	o.Images = like
	return nil
}
