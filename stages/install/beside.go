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

// A Beside is a service that runs in a container beside the stage: what is run
// there, and by which address the stage reaches it.
type Beside struct {
	Name string   // its host
	Args []string // command; nil: that of the image
	Env  map[string]string
	Port int
	// Address is for Services: that of a database or of a search.
	Address string
}

// The hosts of services beside the stage.
const (
	databaseHost = "database"
	searchHost   = "search"
	databasePort = 3306
	searchPort   = 9200
)

//go:embed database.sh
var databaseScript string

// DatabaseBeside is a database of an image of MariaDB or MySQL. Its password
// guards nothing: nobody but the stage reaches it.
func DatabaseBeside(image string) Beside {
	said := ""
	if found := mariaTag.FindStringSubmatch(image); found != nil {
		said = found[1] + "."
	}
	return Beside{
		Name: databaseHost, Args: []string{"sh", "-c", databaseScript}, Port: databasePort,
		Env:     map[string]string{"NAME": ownName, "UPGRADE": upgradeName, "USERNAME": ownUser, "PASSWORD": ownPassword, "SAID": said},
		Address: "mysql://" + ownUser + ":" + ownPassword + "@" + databaseHost + ":" + strconv.Itoa(databasePort) + "/" + ownName + "?upgrade=" + upgradeName,
	}
}

// mariaTag finds the version, of two parts, that an image of MariaDB is tagged
// with.
var mariaTag = regexp.MustCompile(`\bmariadb:(\d+\.\d+)`)

// SearchBeside is a search of an image of OpenSearch or Elasticsearch, with its
// own entrypoint: one node, without its security plugin, in half a gibibyte.
func SearchBeside(image string) Beside {
	env := map[string]string{"discovery.type": "single-node"}
	if strings.Contains(image, "elasticsearch") {
		env["xpack.security.enabled"], env["ES_JAVA_OPTS"] = "false", "-Xms512m -Xmx512m"
	} else {
		env["DISABLE_SECURITY_PLUGIN"], env["DISABLE_INSTALL_DEMO_CONFIG"] = "true", "true"
		env["OPENSEARCH_JAVA_OPTS"] = "-Xms512m -Xmx512m"
	}
	return Beside{Name: searchHost, Env: env, Port: searchPort, Address: "http://" + searchHost + ":" + strconv.Itoa(searchPort)}
}

// CacheBeside and QueueBeside are a Valkey or Redis, and a RabbitMQ, of an image
// with its own entrypoint.
func CacheBeside() Beside {
	return Beside{Name: "cache", Port: 6379, Address: "redis://cache:6379"}
}

// QueueBeside is documented with CacheBeside. Its user guest may come from
// everywhere only where it is made so.
func QueueBeside() Beside {
	const password = "nightly-queue" // guards nothing, as the database's
	env := map[string]string{"RABBITMQ_DEFAULT_USER": ownUser, "RABBITMQ_DEFAULT_PASS": password}
	return Beside{Name: "queue", Env: env, Port: 5672, Address: "amqp://" + ownUser + ":" + password + "@queue:5672"}
}

// StandInBeside is the search stand-in in a container of its own; the arguments
// are this program's.
func StandInBeside(command string) Beside {
	b := SearchBeside("")
	b.Env, b.Args = nil, []string{command, "--address", ":" + strconv.Itoa(searchPort)}
	return b
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

// SearchTool is the search of a cell as a tool of an installation that runs
// beside it: what its image is tagged with.
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
