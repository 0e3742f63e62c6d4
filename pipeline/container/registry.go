package container

import "strings"

// refusals are what is said of a registry from which nothing is had, why that is, and what
// helps: in the words of HTTP and of registries
// (https://distribution.github.io/distribution/spec/api/#errors), and of Go's package net.
var refusals = []struct {
	words   []string
	why, do string
}{
	{
		[]string{"429 Too Many Requests", "toomanyrequests"},
		"the registry takes no more requests from this address for a while",
		"log in there (docker login NAME, which counts apart), take a mirror of it, or give an image of yours",
	},
	{
		[]string{"401 Unauthorized", "403 Forbidden", "insufficient_scope", "access denied", "no basic auth credentials"},
		"the registry wants a login, or has no image of this name",
		"correct the name, log in there (docker login NAME), or give an image of yours",
	},
	{
		[]string{"no such host", "i/o timeout", "connection refused", "no route to host", "network is unreachable", "name resolution", "server misbehaving", "handshake timeout"},
		"the registry is not reached from here: no name server or no way out",
		"connect this machine, take a mirror that it reaches, or give an image of yours",
	},
}

// refused says why nothing is had from a registry, and what to do; empty: for another
// reason.
func refused(err error) string {
	for _, r := range refusals {
		for _, words := range r.words {
			if strings.Contains(err.Error(), words) {
				return r.why + "; " + r.do + " (docs/containers.md, Registries)"
			}
		}
	}
	return ""
}
