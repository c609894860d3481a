package agestream

// ServeWith is Serve with another amount of work for scrypt.
var ServeWith = serveWith
