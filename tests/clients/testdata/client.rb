# Usage: client.rb URL. Prints the body of the answer.
require 'net/http'
require 'uri'

uri = URI(ARGV[0])
request = Net::HTTP::Get.new(uri, 'Authorization' => "Bearer #{ENV.fetch('CLIENTS_API_KEY')}")
puts Net::HTTP.start(uri.host, uri.port, use_ssl: true) { |http| http.request(request) }.body
