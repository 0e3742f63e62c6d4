// Package platform knows which extension of PHP holds a function, class or constant, as Composer names it
// ("ext-intl"), without a PHP on the machine.
//
// names.txt is what the reflection of PHP 8.2 and of Debian's extensions for it says, other.txt what other versions from 7.4
// to 8.5 have beside it. What is held by nobody known is no name of PHP's. An extension that only adds constants
// to another one's class cannot be told by a name: MYSQL_ATTR_INIT_COMMAND of PDO says ext-pdo, not ext-pdo_mysql.
package platform
