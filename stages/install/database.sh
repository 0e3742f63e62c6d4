# Runs MariaDB or MySQL in a container of its own, from the official images or
# from Debian's packages: with empty databases for a shop and for the snapshot that
# is upgraded, for as long as the test installation takes. What it writes is gone
# afterwards, so that nothing has to survive a power cut.
#
# VERSION, if it is set, is the version, of two parts, that the cell of the matrix
# names. A MariaDB of another one says that it is of that one: shops refuse
# versions that they do not know by their number alone.
set -eu
data=/var/lib/nightly-database
mkdir -p "$data" /run/mysqld
cat >/tmp/init.sql <<SQL
CREATE DATABASE IF NOT EXISTS $NAME;
CREATE DATABASE IF NOT EXISTS $UPGRADE;
CREATE USER IF NOT EXISTS '$USERNAME'@'%' IDENTIFIED BY '$PASSWORD';
GRANT ALL ON $NAME.* TO '$USERNAME'@'%';
GRANT ALL ON $UPGRADE.* TO '$USERNAME'@'%';
SQL
set -- --no-defaults --user=root --datadir="$data" --socket=/tmp/mysqld.sock --bind-address=0.0.0.0 \
	--skip-name-resolve --init-file=/tmp/init.sql --skip-log-bin --max-allowed-packet=64M \
	--innodb-flush-log-at-trx-commit=0 --innodb-doublewrite=0
if command -v mariadbd >/dev/null; then
	mariadb-install-db --no-defaults --user=root --datadir="$data" --auth-root-authentication-method=normal --skip-test-db --skip-name-resolve >/tmp/install.log 2>&1 || {
		cat /tmp/install.log >&2
		exit 1
	}
	case $(mariadbd --no-defaults --version) in
	*"Ver ${VERSION:-}"*) ;;
	*) set -- "$@" "--version=${VERSION%.}.99-MariaDB" ;;
	esac
	exec mariadbd "$@"
fi
mysqld --no-defaults --user=root --datadir="$data" --initialize-insecure
exec mysqld "$@"
