package drift

import (
	_ "embed"
	"strings"
	"sync"

	"github.com/goccy/go-yaml"
)

//go:embed known.yaml
var knownText []byte

// known is the data table: what the packages' own files do not say.
type known struct {
	Provided []struct {
		Package string `yaml:"package"`
		By      string `yaml:"by"`
		Reason  string `yaml:"reason"`
	} `yaml:"provided"`
	Deployed []struct {
		Package string `yaml:"package"`
		Reason  string `yaml:"reason"`
	} `yaml:"deployed"`
	Tools []struct {
		Package string `yaml:"package"`
		Reason  string `yaml:"reason"`
	} `yaml:"tools"`
	Replacements []struct {
		Extension string `yaml:"extension"`
		Package   string `yaml:"package"`
		Reason    string `yaml:"reason"`
	} `yaml:"replacements"`
	Aliases []struct {
		Package string `yaml:"package"`
		Text    string `yaml:"text"`
		Reason  string `yaml:"reason"`
	} `yaml:"aliases"`
	Namespaces []struct {
		Prefix  string `yaml:"prefix"`
		Package string `yaml:"package"`
		Reason  string `yaml:"reason"`
	} `yaml:"namespaces"`
}

// table reads the data table once. It is part of the program, and a test reads
// it strictly: an error here cannot be.
var table = sync.OnceValue(func() known {
	k, err := parseKnown(knownText)
	if err != nil {
		return known{}
	}
	return k
})

func parseKnown(text []byte) (known, error) {
	var k known
	return k, yaml.UnmarshalWithOptions(text, &k, yaml.Strict())
}

// byNamespace finds the package of a class by the table.
func byNamespace(class string) (string, bool) {
	for _, n := range table().Namespaces {
		if strings.HasPrefix(class, n.Prefix) {
			return n.Package, true
		}
	}
	return "", false
}

// replacement gives the package that stands in for an extension of PHP.
func replacement(ext string) (string, bool) {
	for _, r := range table().Replacements {
		if r.Extension == ext {
			return r.Package, true
		}
	}
	return "", false
}

// frameworkParts are the parts of Magento\Framework that are packages of their
// own.
var frameworkParts = map[string]string{
	"Amqp": "magento/framework-amqp", "Bulk": "magento/framework-bulk",
	"MessageQueue": "magento/framework-message-queue", "Stomp": "magento/framework-stomp",
}

// byConvention names the package of a class as Magento names its modules:
// Magento\InventoryApi\… is magento/module-inventory-api. It is used where there
// is no index that would know.
func byConvention(class string) (string, bool) {
	parts := strings.Split(class, `\`)
	if len(parts) < 3 || parts[0] != "Magento" {
		return "", false
	}
	switch parts[1] {
	case "Framework":
		if part, ok := frameworkParts[parts[2]]; ok {
			return part, true
		}
		return "magento/framework", true
	case "Setup":
		return "magento/magento2-base", true
	case "FunctionalTestingFramework":
		return "magento/magento2-functional-testing-framework", true
	}
	return "magento/module-" + dashed(parts[1]), true
}

// dashed writes a name in lower case with '-' before every word: AwsS3, aws-s3.
func dashed(name string) string {
	var b strings.Builder
	for i := range len(name) {
		c := name[i]
		isUpper := c >= 'A' && c <= 'Z'
		afterUpper := i > 0 && name[i-1] >= 'A' && name[i-1] <= 'Z'
		beforeLower := i+1 < len(name) && name[i+1] >= 'a' && name[i+1] <= 'z'
		if i > 0 && isUpper && (!afterUpper || beforeLower) {
			b.WriteByte('-')
		}
		if isUpper {
			c += 'a' - 'A'
		}
		b.WriteByte(c)
	}
	return b.String()
}
