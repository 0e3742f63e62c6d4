package install

import (
	"context"
	_ "embed"
	"errors"
	"regexp"
	"strconv"
	"strings"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
)

// A Sidecar is a service that runs in a container of its own, for as long as the stage
// does.
type Sidecar struct {
	Name string   // its host name
	Args []string // its command; nil: that of the image
	Env  map[string]string
	Port int
	// Address is the one by which the stage reaches it, in the form of the stage's Services.
	Address string
}

const (
	databaseHost = "database"
	searchHost   = "search"
	databasePort = 3306
	searchPort   = 9200
	cachePort    = 6379
)

//go:embed database.sh
var databaseScript string

// DatabaseSidecar is a database of an image of MariaDB or MySQL. Its password
// guards nothing: nobody but the stage reaches it.
func DatabaseSidecar(image string) Sidecar {
	version := ""
	if found := mariaTag.FindStringSubmatch(image); found != nil {
		version = found[1] + "."
	}
	return Sidecar{
		Name: databaseHost, Args: []string{"sh", "-c", databaseScript}, Port: databasePort,
		Env:     map[string]string{"NAME": ownName, "UPGRADE": upgradeName, "USERNAME": ownUser, "PASSWORD": ownPassword, "VERSION": version},
		Address: "mysql://" + ownUser + ":" + ownPassword + "@" + databaseHost + ":" + strconv.Itoa(databasePort) + "/" + ownName + "?upgrade=" + upgradeName,
	}
}

// mariaTag finds the version, of two parts, that an image of MariaDB is tagged
// with.
var mariaTag = regexp.MustCompile(`\bmariadb:(\d+\.\d+)`)

// SearchSidecar is a search of an image of OpenSearch or Elasticsearch, with its
// own entrypoint: one node, without its security plugin, in half a gibibyte.
func SearchSidecar(image string) Sidecar {
	env := map[string]string{"discovery.type": "single-node"}
	if strings.Contains(image, "elasticsearch") {
		env["xpack.security.enabled"], env["ES_JAVA_OPTS"] = "false", "-Xms512m -Xmx512m"
	} else {
		env["DISABLE_SECURITY_PLUGIN"], env["DISABLE_INSTALL_DEMO_CONFIG"] = "true", "true"
		env["OPENSEARCH_JAVA_OPTS"] = "-Xms512m -Xmx512m"
	}
	return Sidecar{Name: searchHost, Env: env, Port: searchPort, Address: "http://" + searchHost + ":" + strconv.Itoa(searchPort)}
}

//go:embed cache.sh
var cacheScript string

// CacheSidecar is a Valkey or Redis of an image, which connects to nobody.
func CacheSidecar() Sidecar {
	return Sidecar{
		Name: "cache", Args: []string{"sh", "-c", cacheScript}, Port: cachePort, Env: map[string]string{"PORT": strconv.Itoa(cachePort)},
		Address: "redis://cache:" + strconv.Itoa(cachePort),
	}
}

// QueueSidecar is a RabbitMQ of an image with its own entrypoint. It gets a user of its
// own, because the user guest may connect from its own host only. It connects to nobody:
// the plugins that would, shovel and federation, are off, and are turned on from inside of its
// container alone.
func QueueSidecar() Sidecar {
	const password = "nightly-queue" // guards nothing, as the database's
	env := map[string]string{"RABBITMQ_DEFAULT_USER": ownUser, "RABBITMQ_DEFAULT_PASS": password}
	return Sidecar{Name: "queue", Env: env, Port: 5672, Address: "amqp://" + ownUser + ":" + password + "@queue:5672"}
}

// StandInSidecar is the search stand-in, a command of this program.
func StandInSidecar(command string) Sidecar {
	s := SearchSidecar("")
	s.Env, s.Args = nil, []string{command, "--address", ":" + strconv.Itoa(searchPort)}
	return s
}

// DatabaseTool is the database of this machine, or of this container, as a tool
// of an installation.
func DatabaseTool(ctx context.Context) (stages.Tool, error) {
	m := mariaDB{server: locate("", "mariadbd", "mysqld")}
	if m.server == "" {
		return stages.Tool{}, &MachineError{Err: errors.New("there is neither mariadbd nor mysqld"), Do: "name an image of MariaDB or MySQL"}
	}
	version, err := m.version(ctx)
	return stages.Tool{Name: "database", Version: version}, err
}

// SearchTool is the search of a cell as a tool of an installation; of an image it is what
// that is tagged with.
func SearchTool(cell releases.Cell) stages.Tool {
	version := cell.Search
	switch {
	case cell.Search == releases.StandInSearch:
		version = standInVersion
	case releases.IsImage(cell.Search):
		image, _, _ := strings.Cut(cell.Search, "@")
		version = strings.Replace(image[strings.LastIndex(image, "/")+1:], ":", " ", 1)
	}
	return stages.Tool{Name: "search", Version: version}
}
