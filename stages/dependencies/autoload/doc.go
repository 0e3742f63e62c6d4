// Package autoload answers which package holds a class, from the autoload sections of composer.lock and of built
// packages alone: nothing is installed, no file is looked at.
//
// Composer's own loader tries paths until a file is there. Without files the rules are these, each of which gives what
// Composer gives wherever a class exists:
//
//   - A class that is known by its whole name comes first: those of Package.Declares, then those of the table.
//   - Then the longest prefix wins, be it from psr-4, psr-0 or the table. Composer asks psr-4 before psr-0; it may do
//     so since it sees that a file is missing, whereas here the more specific claim is the better one. Of equal
//     prefixes psr-4 comes before psr-0, both before the table, and autoload-dev after all.
//   - Prefixes are compared with regard to case, as Composer compares them, although PHP's class names have none.
//   - A psr-4 prefix ends in a backslash; one that does not is never reached, as in Composer. A psr-0 prefix may end
//     anywhere; it counts only where a name ends or goes on with "_" or "\", so that "Less" does not claim "Lesson".
//   - The empty prefix is Composer's fallback for all classes. It says nothing about a name and is left out.
//   - A name that Magento generates (FooFactory, Foo\Proxy, …) belongs to the package of the class it is made from.
//   - Two packages with the same prefix: the table lists what is whose, or lists it for all but one, which gets the
//     rest. Where it does not, the first name in the alphabet wins, and the others are blind spots.
//   - A package of type "project", the shop itself, gives way: it has "Magento\" for what is put into app/code.
//
// A polyfill holds names that PHP itself may have (Stringable). Whether PHP has them is package platform's question,
// to be asked first.
package autoload
