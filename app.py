"""Start with `streamlit run app.py`: it imports this file for the server, then runs it as the home page.

Each branch imports only its own needs: a server answers without the code that draws pages.
"""

import streamlit as st

if __name__ == "__main__":
    from pages.parts.home.home_view import home_view

    home_view()
else:
    from pages.parts.home.server import guards, sessions_end

    # `streamlit run` finds this object by its type, and serves it instead of a server without guards.
    app = st.App(__file__, middleware=guards(), lifespan=sessions_end)
