// The form for the token, and pages that say what is wrong.
#include "waybill/page_frame.hpp"
#include "waybill/pages.hpp"

namespace waybill::dashboard {

http_response login_page(const site& about, const http_request& asked,
                         bool again) {
  page_parts page;
  page.title = "Token needed";
  page.heading.add("This dashboard asks for a token");
  page.lead.add("<p>It stands in the file that <code>--token-file</code> of "
                "<code>waybill serve</code> names.</p>");
  page.content.add("<form class=login method=post action=\"")
    .text(way_up(asked.path))
    .add("login\"><label>Token <input type=password name=token "
         "autocomplete=current-password required autofocus></label> "
         "<button>Go on</button></form>\n");
  if (again)
    page.content.add("<p class=wrong role=alert>That is not the token.</p>\n");
  auto answer = framed(about, asked, page);
  answer.status = 401;
  return answer;
}

http_response error_page(const site& about, const http_request& asked,
                         int status, const std::string& why) {
  page_parts page;
  page.title = std::string{reason_of(status)};
  page.heading.text(reason_of(status));
  page.lead.add("<p>").text(why).add("</p>");
  page.content.add("<p class=empty><a href=\"")
    .text(way_up(asked.path))
    .add("operations\">All operations</a></p>\n");
  auto answer = framed(about, asked, page);
  answer.status = status;
  return answer;
}

} // namespace waybill::dashboard
