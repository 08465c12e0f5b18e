# Writes the month's report of the warehouse.

require "yaml"

SETTINGS = YAML.safe_load(File.read("report.yml"))

def parcels(month)
  Parcel.where("month = '#{month}'").order(:id)
end

def late(month)
  Parcel.where("month = ? AND late", month)
end

def settings(text)
  YAML.load(text)
end

def mail(report, address)
  system("mail -s report #{address} < #{report}")
end

def archive(report)
  system("gzip", report)
end
