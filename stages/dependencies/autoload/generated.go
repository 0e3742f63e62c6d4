package autoload

import "strings"

// generatedSuffixes are what Magento's code generator puts behind the name of a class. Source: Magento's developer
// documentation, "Code generation", and the generators that app/etc/di.xml names for Magento\Framework\Code\Generator.
// The longer of two that end alike comes first.
var generatedSuffixes = []string{
	`\ProxyDeferred`, `\Proxy`, `\Interceptor`, `\Logger`,
	"ExtensionInterfaceFactory", "ExtensionInterface", "InterfaceFactory", "ExtensionFactory", "Extension",
	"SearchResults", "ProxyDeferred", "Factory", "Repository", "Persistor", "Mapper", "Converter", "Remote",
}

// maxGenerated bounds how often a name is shortened; FooExtensionInterfaceFactory\Proxy is the longest real one.
const maxGenerated = 3

// generatedFrom is what a class may have been generated from, the longest name first; none if its name does not look
// so. Foo and FooInterface both have a FooExtension, so that FooExtension gives both.
func generatedFrom(class string) []string {
	var bases []string
	for range maxGenerated {
		base := withoutSuffix(class)
		if base == "" {
			break
		}
		bases = append(bases, base, base+"Interface")
		class = base
	}
	return bases
}

func withoutSuffix(class string) string {
	for _, suffix := range generatedSuffixes {
		base, ok := strings.CutSuffix(class, suffix)
		if ok && base != "" && !strings.HasSuffix(base, `\`) {
			return base
		}
	}
	return ""
}
