// Dagger adds what it requires when it loads the module: nothing of it is the program's.
module dagger/nightly

go 1.24
