// Package peer finds out what a program at the other end of a loopback connection was started with, and whose it is.
//
// Some programs cannot log in to a proxy: Java's HTTP clients send a password only if the program does so in code. But
// whoever was started by "authsome run" has the proxy's address and password in its environment, where the kernel shows
// them to other processes of the same user. [ProxyLogin] reads them there: the client proves that it knows the
// password without sending it. Who else of that user could put it into an environment could as well send it.
//
// What a browser is sent to is an argument of its process, which every user of the machine can see. [IsForeign] tells the pages
// of a login whether somebody else comes.
//
// Only Linux can be asked. Elsewhere nobody is recognized, nor foreign.
package peer
