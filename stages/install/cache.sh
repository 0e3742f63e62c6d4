# Runs Valkey or Redis in a container of its own, from the official images or from
# Debian's packages, and keeps nothing. Package code reaches it, and it reaches the
# engine's network: so nobody may use what connects to others (MIGRATE, REPLICAOF), loads
# code, or changes that (CONFIG, ACL). Those are the categories admin and dangerous; a shop
# uses four of them.
set -eu
server=$(command -v valkey-server || command -v redis-server)
entrypoint=$(command -v docker-entrypoint.sh || true) # gives up root's rights
exec $entrypoint "$server" --port "$PORT" --protected-mode no --save "" \
	--user default on nopass '~*' '&*' +@all -@admin -@dangerous +info +keys +flushdb +flushall
